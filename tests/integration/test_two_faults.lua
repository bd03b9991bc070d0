-- SPDX-License-Identifier: MIT
-- A program with two faults: an answer has to name both. Who has found one is told that
-- there is a second one, and not which.
local t = require "harness"
local answers = require "answers"
t.need("curl")

local judged, post = answers.judged, answers.post

-- ---- the parts, alone --------------------------------------------------------------

local faults = assert(loadfile(t.source .. "/lua/faults.lua"))()

local LESSON = { title = "two", expect = {}, diagnosis = { class = { "cpu.hot" }, where = { "render", "draw" },
  also = { class = { "leak.file" }, where = { "keep" } } } }

t.test("a lesson is taken apart into its faults", function()
  local list = faults.of(LESSON)
  t.equal(#list, 2)
  t.equal(list[1].diagnosis.where[1] .. " " .. list[2].diagnosis.where[1], "render keep")
  t.equal(list[2].title, "two", "all else is the lesson's")
  local right = faults.right(LESSON)
  t.equal(right[1].class .. right[1].where .. right[2].class .. right[2].where, "cpu.hotrenderleak.filekeep")
  local one = { diagnosis = { class = { "none" } } }
  t.check(faults.of(one)[1] == one and #faults.of(one) == 1, "one is the lesson itself")
  t.equal(#faults.right(one), 1)
end)

-- A judge that knows the points by class, function and fault.
local function score_by(points)
  return function(h, lesson)
    local n = points[("%s %s %s"):format(h.class, h.where, lesson.diagnosis.class[1])] or 0
    if n == "unseen" then return { verdict = "invalid", code = "where.unknown", score = 0, parts = {} } end
    local verdict = n == 90 and "solved" or n >= 30 and "partial" or "wrong"
    return { verdict = verdict, code = verdict == "solved" and verdict or "why", score = n, parts = { class = n },
      grounded = n == 90, by = n == 90 and "by " .. h.where or nil }
  end
end

local POINTS = { ["a x cpu.hot"] = 90, ["b y leak.file"] = 90, ["c z cpu.hot"] = 40, ["c z leak.file"] = 20,
  ["d w leak.file"] = 65, ["a x leak.file"] = 20, ["n n cpu.hot"] = "unseen", ["n n leak.file"] = "unseen" }
local FEEDBACK = { why = "Why?", ["where.unknown"] = "Unseen." }

-- "a x, b y" -> what is said of these guesses
local function judge(text)
  local hypotheses = {}
  for class, where in text:gmatch("(%l) (%l)") do hypotheses[#hypotheses + 1] = { class = class, where = where } end
  local r = faults.judge(hypotheses, faults.of(LESSON), score_by(POINTS), FEEDBACK)
  return ("%s %g %s"):format(r.verdict, r.score, r.code), r
end

t.test("both are the solution, in any order, and half is half", function()
  for text, said in pairs {
    ["a x, b y"] = "solved 90 solved", ["b y, a x"] = "solved 90 solved", ["a x, b y, n n"] = "solved 90 solved",
    ["a x"] = "partial 45 second", ["b y"] = "partial 45 second",
    ["a x, a x"] = "partial 55 second", -- the same again is no second one
    ["a x, d w"] = "partial 78 second", ["d w, a x"] = "partial 78 second",
    ["c z"] = "partial 20 why", ["d w"] = "partial 33 why", ["e e"] = "wrong 0 why",
    ["c z, d w"] = "partial 53 why", -- each about the fault of which it says more
    ["c z, a x, b y"] = "partial 90 rank", ["a x, c z, b y"] = "partial 90 rank", ["c z, e e, b y"] = "partial 65 rank",
    ["a x, n n"] = "invalid 0 where.unknown", ["a x, c z, n n"] = "invalid 0 where.unknown",
    ["n n"] = "invalid 0 where.unknown" } do
    t.equal(judge(text), said, text)
  end
end)

t.test("who has found one is told of the other, by what was guessed", function()
  local _, r = judge "a x"
  t.equal(r.feedback, "a in x is one of two: there is a second fault. "
    .. "Say both in one answer: class2 and where2 are for the other one.")
  t.equal(r.by, "by x")
  _, r = judge "d w, a x"
  t.equal(r.feedback, "a in x is one of two: there is a second fault. Of your other guess, d in w: Why?")
  t.check(r.grounded and r.by == "by x" and not r.by_second, "a capture shows one")
  _, r = judge "b y, a x"
  t.equal(r.by .. " " .. r.by_second, "by x by y")
  _, r = judge "c z, d w"
  t.check(not r.grounded and not r.by, "nothing is shown")
  t.equal(r.feedback, nil, "and nothing said of how many there are")
  _, r = judge "a x, n n"
  t.has(r.feedback, "n in n: Unseen.")
  t.check(not r.grounded and not next(r.parts), "and no points")
end)

t.test("one fault is judged as ever", function()
  local one = { diagnosis = { class = { "cpu.hot" }, where = { "render" } } }
  local function alone(...)
    local r = faults.judge({ ... }, faults.of(one), score_by(POINTS), FEEDBACK)
    return ("%s %g %s"):format(r.verdict, r.score, r.code)
  end
  local a, c = { class = "a", where = "x" }, { class = "c", where = "z" }
  t.equal(alone(a, c), "solved 90 solved")
  t.equal(alone(c, a), "partial 90 rank")
  t.equal(alone(c), "partial 40 why")
end)

-- ---- a lab ---------------------------------------------------------------------------

local SCENARIO = [[
local kept, waiting = {}, lab.channel(0, "waiting")

local function makeSheet(id) return ("sheet %d "):format(id):rep(20000) end

local function fileSheet(id) kept[id] = makeSheet(id) end

local function askLater()
  lab.go(function() waiting:recv() end)
  lab.go(function() waiting:recv() end)
end

return {
  limits = { memory = "300MB" },
  request = function(_, req)
    fileSheet(req.id)
    askLater()
    return "done\n"
  end,
}
]]

local LESSON_TEXT = [[
return {
  title = "Sheets", symptom = "It grows.", difficulty = 2, minutes = 10, hints = { "Look." },
  expect = {
    { profile = "goroutine", under = "askLater", value = "= 2 per request" },
    { profile = "heap.inuse_space", under = "fileSheet", value = ">= 50kB per request" },
  },
  diagnosis = { class = "leak.task", where = "askLater", number = { 2, "", "how many tasks stay of a request?" },
    also = { class = "memory.retained", where = "fileSheet", victims = "makeSheet" } },
}
]]

local function make(lesson)
  local dir = t.temp_dir() .. "/50-sheets"
  t.equal(t.run(t.command { "mkdir", dir }).code, 0)
  t.write(dir .. "/scenario.lua", SCENARIO)
  t.write(dir .. "/lesson.lua", lesson or LESSON_TEXT)
  return dir
end

local TASKS = { class = "leak.task", where = "askLater" }

local function both(more)
  local form = { class = "leak.task", where = "askLater", class2 = "memory.retained", where2 = "fileSheet" }
  for key, value in pairs(more or {}) do form[key] = value end
  return form
end

t.test("a lab judges both, and tells of the second one when one is found", function()
  local lab = t.start_with({ make():match("^(.*)/") }, "--step", "50", "--state", t.temp_dir())
  for _ = 1, 60 do t.equal(lab:get("/").status, 200) end
  lab:get("/debug/pprof/goroutine") -- c1
  local one = judged(lab, TASKS, "partial", "second")
  t.equal(one.score, 45)
  t.equal(one.evidence, "c1")
  t.has(one.feedback, "leak.task in askLater is one of two: there is a second fault.")
  t.check(not one.feedback:find "fileSheet" and not one.feedback:find "memory", "which one isn't told")
  judged(lab, both(), "invalid", "where.unknown") -- no capture has it
  t.equal(lab:get("/lab/api/solution").status, 403)
  lab:get("/debug/pprof/heap?gc=1") -- c2
  local wrong = judged(lab, { class = "leak.task", where = "makeSheet" }, "partial", "where.elsewhere")
  t.check(not wrong.feedback:find "two" and not wrong.feedback:find "second", "that there are two isn't told before")
  t.has(judged(lab, both { where2 = "makeSheet" }, "partial", "second").feedback, "in makeSheet: It only made or used")
  t.has(judged(lab, both { evidence = "goroutine" }, "partial", "second").feedback, "a heap profile would")
  local v, answer = post(lab, both())
  t.equal(v.verdict .. " " .. v.score, "solved 90")
  t.has(answer.body, '"evidence_second": "c2"')
  t.equal(judged(lab, both { number = "2", evidence = "heap" }, "solved").score, 90)
  local turned = { class = "memory.retained", where = "sheets.fileSheet", class2 = "leak.task", where2 = "askLater" }
  judged(lab, turned, "solved")
  t.equal(lab:post("/lab/answer", "class=leak.task&where=askLater&class2=memory.retained&where2=fileSheet").body,
    "verdict   solved (step 50)\nscore     90 of 100: class 30/30, where 35/35, evidence 25/25, ruled out 0/10\n" ..
    "evidence  c1 (goroutine profile) and c2 (heap profile) show it\n\nThat's it.\n\n" ..
    "The last 10 points are for what it isn't: ruled_out=CLASS:CAPTURE, a class of\n" ..
    "another family (the word before the dot) against which one of your captures\n(/lab/captures) speaks.\n")
  t.has(lab:post("/lab/answer", "class=leak.task&where=askLater").body,
    "score     45 of 100: class 15/30, where 17.5/35, evidence 12.5/25, ruled out 0/10\n")
  local solution = lab:get("/lab/api/solution").body
  t.has(solution, '"where": ["fileSheet"]')
  t.has(solution, '"where": ["askLater"]')
  t.match(lab:get("/metrics").body, '\ndiaglab_answers_total{code="second"} %d')
  t.equal(lab:stop(), 0)
end)

t.test("what neither fault is can be ruled out, and what one is can't", function()
  local lab = t.start_with({ make():match("^(.*)/") }, "--step", "50")
  t.enough(function(seconds) -- without a request in its time it speaks against nothing
    local profile = t.spawn(("curl -s -o /dev/null '%s/debug/pprof/mutex?seconds=%d'"):format(lab.url, seconds))
    local served = 0
    for _ = 1, 60 do
      lab:get("/")
      served = served + (profile:alive() and 1 or 0)
    end
    t.equal(profile:wait(), 0)
    return served
  end, function(served) return served > 0 end)
  lab:get("/debug/pprof/goroutine")
  lab:get("/debug/pprof/heap?gc=1")
  lab:get("/debug/pprof/lab.OpenFiles")
  t.equal(judged(lab, both { ruled_out = "leak.file:lab.OpenFiles" }, "solved").score, 90)
  t.equal(judged(lab, both { ruled_out = "wait.lock:mutex" }, "solved").score, 100)
  t.equal(lab:stop(), 0)
end)

-- ---- check ---------------------------------------------------------------------------

local function check(lesson)
  local dir = make(lesson)
  return t.run(t.command { t.diaglab, "check", dir }).out
end

local function changed(from, to) return (LESSON_TEXT:gsub(from:gsub("%p", "%%%0"), (to:gsub("%%", "%%%%")))) end

t.test("check knows both", function()
  t.check(not check():find("also", 1, true), "a good one")
  t.has(check(changed('where = "fileSheet", victims', 'where = "askLater", victims')),
    "is the first fault's, too [name]")
  t.has(check(changed('victims = "makeSheet"', 'victims = "askLater"')),
    "diagnosis.also.victims: askLater is to blame, too [name]")
  t.has(check(changed('where = "fileSheet", victims', 'where = "fileShet", victims')), "no function 'fileShet'")
  t.has(check(changed('class = "memory.retained"', 'class = "none"')), "none is no fault")
  t.has(check(changed('class = "memory.retained"', 'class = "memory.kept"')), "memory.kept")
  t.has(check(changed('also = {', 'also = { also = {},')), "unknown key of a diagnosis 'also'")
  t.has(check(changed('under = "fileSheet"', 'under = "makeSheet"')), "no sentence is about fileSheet")
  t.has(check(changed('title = "Sheets"', 'title = "fileSheet"')), "the title names the fault: 'fileSheet'")
  t.has(check(changed('title = "Sheets"', 'title = "Retained"')), "the title names the fault: 'retained'")
end)

t.finish()
