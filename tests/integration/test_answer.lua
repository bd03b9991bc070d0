-- SPDX-License-Identifier: MIT
-- A student's diagnosis is judged on what the student has captured: the right one
-- is solved by several routes, and what is wrong with another is told without the
-- answer.
local t = require "harness"
local answers = require "answers"
t.need("curl")

local PPROF = "/debug/pprof/"
local post, judged, forget = answers.post, answers.judged, answers.forget

local function requests(lab, n)
  for _ = 1, n do t.equal(lab:get("/").status, 200) end
end

-- ---- the steps ------------------------------------------------------------------

-- load(lab) is what makes the symptom show; routes are what a student may look at
-- then, each enough; a route that begins with * is recorded while load runs. The fewest
-- rounds are enough: what a request computes beside its fault is no matter here.
local function load_in_background(lab, n)
  return t.spawn(("curl -s -o /dev/null '%s/?[1-%d]'"):format(lab.url, n))
end

local STEPS = {
  { number = 1, class = "wait.lock", where = "countRequest", family = "wait.deadlock", other = "memory.churn",
    load = function(lab)
      for _ = 1, 4 do t.spawn(("curl -s --max-time 60 %s/"):format(lab.url)) end
      t.eventually(function() return select(2, lab:log():gsub("Starting processing request", "")) == 4 end)
    end, routes = { "goroutine", "goroutine?debug=2", "wall?seconds=1" } },
  { number = 2, params = "&seconds=0.2", class = "cpu.hot", where = "eatCPU", family = "cpu.backtrack",
    other = "leak.task", load = function(lab) return load_in_background(lab, 100) end,
    routes = { "*profile?seconds=3&hz=500" } },
  { number = 3, params = "&rounds=1", class = "memory.retained", where = "leakMemory", family = "memory.pinned",
    other = "cpu.hot", load = function(lab) requests(lab, 3) end, routes = { "heap", "heap?debug=1", "heap?gc=1" } },
  { number = 4, params = "&rounds=3", class = "memory.churn", where = "allocateMemory", family = "memory.pinned",
    other = "wait.pool", load = function(lab) requests(lab, 3) end, routes = { "heap", "allocs", "allocs?debug=1" } },
  { number = 5, class = "leak.task", where = "startGoroutines", family = "leak.timer", other = "wait.pool",
    load = function(lab) requests(lab, 4) end, routes = { "goroutine", "goroutine?debug=1", "goroutine?debug=2" } },
  { number = 6, class = "leak.file", where = "createFiles", family = "leak.socket", other = "memory.retained",
    load = function(lab) requests(lab, 4) end, routes = { "lab.OpenFiles", "lab.OpenFiles?debug=1" } },
}

local function take(lab, step, route)
  forget(lab)
  local recorded = route:match("^%*(.*)")
  local load = recorded and step.load(lab)
  t.equal(lab:get(PPROF .. (recorded or route)).status, 200)
  if load then load:signal("KILL") end
end

local function right(step) return { class = step.class, where = step.where } end

for _, step in ipairs(STEPS) do
  t.test(("step %d: solved by each route, and what is wrong is told"):format(step.number), function()
    local lab = t.start()
    lab:get(PPROF .. "heap")
    lab:go_to(step.number .. (step.params or ""))
    judged(lab, right(step), "invalid", "evidence.nothing")
    lab:get(PPROF .. "threadcreate")
    judged(lab, right(step), "invalid", "evidence.idle")
    for _, where in ipairs { "noSuchFunction", "request" } do
      judged(lab, { class = step.other, where = where }, "invalid", "evidence.idle")
    end
    judged(lab, { class = "none" }, "invalid", "evidence.idle")
    local load = step.load(lab)
    if load then load:signal("KILL") end
    for _, route in ipairs(step.routes) do
      take(lab, step, route)
      local v = judged(lab, right(step), "solved")
      t.equal(v.score, 90, route)
      t.match(v.evidence, "^c%d+$")
    end
    local told = {}
    local function wrong(form, verdict, code) told[#told + 1] = judged(lab, form, verdict, code).feedback end
    wrong({ class = step.family, where = step.where }, "partial", "class.family")
    wrong({ class = step.other, where = step.where }, "partial", "class.other")
    wrong({ class = step.class, where = "request" }, "partial", "where.entry")
    wrong({ class = step.other, where = "request" }, "wrong", "where.entry")
    wrong({ class = step.class, where = "noSuchFunction" }, "invalid", "where.unknown")
    wrong({ class = "none" }, "wrong", "class.other")
    t.check(not lab:post("/lab/answer", "class=none").body:find("number", 1, true), "no number was said")
    for _, text in ipairs(told) do
      for _, word in ipairs { step.class, step.where } do
        t.check(not text:find(word, 1, true), "the answer isn't told: " .. text)
      end
    end
    t.equal(lab:stop(), 0)
  end)
end

t.test("a function of an included file is called as in its text, or as tools print it", function()
  local dir, step = t.temp_dir(), STEPS[1]
  t.run(("cp -r %s/scenarios/01-counter %s"):format(t.quote(t.source), dir))
  t.run(("cd %s/01-counter && mv scenario.lua store.lua"):format(dir))
  t.write(dir .. "/01-counter/scenario.lua", 'return lab.include "store"\n')
  local lab = t.start_with({ dir }, "--step", "1")
  step.load(lab)
  t.has(lab:get(PPROF .. "goroutine?debug=1").body, "counter/store.countRequest+")
  for _, where in ipairs { "countRequest", "counter/store.countRequest", "store.countRequest" } do
    judged(lab, { class = step.class, where = where }, "solved")
  end
  for _, where in ipairs { "counter/other.countRequest", "counter/other.countRequests", "store.noSuchFunction" } do
    judged(lab, { class = step.class, where = where }, "invalid", "where.unknown")
  end
  t.equal(lab:stop(), 0)
end)

-- ---- evidence --------------------------------------------------------------------

-- In one connection: the answer comes before the file is written that is kept.
t.test("an answer waits for the capture of a text", function()
  local lab = t.start("--step", "5")
  for _ = 1, 4 do lab:get("/") end
  for _, text in ipairs { "goroutine?debug=1", "goroutine?debug=2" } do
    for _ = 1, 20 do
      forget(lab)
      local told = t.run(t.command { "curl", "-s", "-o", "/dev/null", lab.url .. PPROF .. text, "--next", "-s", "-d",
        "class=leak.task&where=startGoroutines", lab.url .. "/lab/answer" }).out
      t.has(told, "verdict   solved")
    end
  end
  t.equal(lab:stop(), 0)
end)

t.test("what is misread has a name", function()
  local lab = t.start("--step", "1")
  STEPS[1].load(lab)
  lab:get(PPROF .. "goroutine")
  -- A profile in which the lab's threads wait for a processor may not be read so.
  t.enough(function(seconds)
    lab:get(PPROF .. "profile?seconds=" .. seconds)
    local v = post(lab, { class = "cpu.hot", where = "countRequest" })
    t.equal(v.verdict, "partial")
    return v.code
  end, function(code) return code == "cpu_for_wall" end)
  lab:go_to("4&rounds=3")
  requests(lab, 3)
  lab:get(PPROF .. "heap?gc=1")
  judged(lab, { class = "memory.retained", where = "allocateMemory" }, "partial", "alloc_for_inuse")
  t.equal(lab:stop(), 0)
end)

-- The lab shares one processor with programs that compute, so a request that only
-- computes gets a small part of the time.
t.long_measured("a program that gets no processor isn't called idle", function()
  t.need("taskset")
  local lab = t.start("--step", "2", "--param", "2.seconds=0.1")
  t.equal(t.run(("taskset -a -p 1 %d"):format(lab.pid)).code, 0)
  local rivals = {}
  for i = 1, 8 do rivals[i] = t.spawn "taskset 1 sh -c 'while :; do :; done'" end
  load_in_background(lab, 1000)
  local share
  for _ = 1, 5 do
    local before = lab:thread_cpu("")
    lab:get(PPROF .. "profile?seconds=3&hz=500")
    share = (lab:thread_cpu("") - before) / 3
    if share < 0.25 then break end
    rivals[#rivals + 1] = t.spawn "taskset 1 sh -c 'while :; do :; done'"
  end
  for _, rival in ipairs(rivals) do rival:signal("KILL") end
  t.check(share < 0.25, "the lab is starved")
  judged(lab, { class = "cpu.backtrack", where = "eatCPU" }, "partial", "class.family")
  t.equal(post(lab, { class = "io.tiny", where = "eatCPU", ruled_out = "cpu.hot:cpu" }).code, "class.other")
  t.match(lab:get("/lab/captures?format=json").body, '"waited_seconds": [1-9]')
  lab:stop()
end)

t.test("evidence must be of this visit, taken under load, and speak of the function", function()
  local lab = t.start("--step", "6")
  requests(lab, 4)
  lab:get(PPROF .. "lab.OpenFiles") -- c1
  lab:go_to(6)
  lab:get(PPROF .. "lab.OpenFiles") -- c2: nothing ran
  requests(lab, 4)
  lab:get(PPROF .. "goroutine") -- c3
  lab:get(PPROF .. "lab.OpenFiles") -- c4
  local function with(evidence)
    return { class = "leak.file", where = "createFiles", evidence = evidence }
  end
  judged(lab, with "c1", "invalid", "evidence.other_step")
  judged(lab, with "c2", "invalid", "evidence.idle")
  judged(lab, with "c3", "partial", "evidence.none")
  t.has(select(2, post(lab, with "c3")).body, '"looked_at": ["c3"]')
  t.equal(judged(lab, with { "c3", "c4" }, "solved").evidence, "c4")
  t.equal(judged(lab, with "c1,c4", "solved").evidence, "c4")
  for name, told in pairs { c9 = "There is no such capture: 'c9'; this visit has goroutine, lab.OpenFiles. See",
    goroutin = "'goroutin'; did you mean 'goroutine'? See", profile = "'cpu'; this visit has goroutine, lab" } do
    local v, answer = post(lab, with(name))
    t.equal(answer.status, 400)
    t.equal(v.verdict, nil)
    t.has(answer.body, told)
    answer = select(2, post(lab, { class = "leak.file", where = "createFiles", ruled_out = "cpu.hot:" .. name }))
    t.equal(answer.status, 400, "what rules out must be there, too")
    t.has(answer.body, told)
  end
  local number = with "c3"
  number.number = "5"
  t.equal(judged(lab, number, "solved").evidence, nil, "the right number is evidence, too")
  number.number = "7"
  judged(lab, number, "partial", "evidence.none")
  number.number = "5 kB"
  judged(lab, number, "partial", "evidence.none")
  t.equal(lab:stop(), 0)
end)

t.test("who has only used tools that leave no capture says a number", function()
  local lab = t.start("--step", "6")
  requests(lab, 4)
  local function by_number(number, class, where)
    return { class = class or "leak.file", where = where or "createFiles", number = number }
  end
  judged(lab, right(STEPS[6]), "invalid", "evidence.nothing")
  for _, where in ipairs { "createFiles", "receipts.createFiles", "createFiles.func1" } do
    local v = judged(lab, by_number("5", nil, where), "solved")
    t.equal(v.score, 90)
    t.equal(v.evidence, nil)
  end
  t.has(lab:post("/lab/answer", "class=leak.file&where=createFiles&number=5").body,
    "\nevidence  your number is right; 0 captures were looked at\n")
  judged(lab, by_number("5", "cpu.hot"), "partial", "class.other")
  -- Neither the number nor the name can be probed alone.
  judged(lab, by_number("4"), "invalid", "where.unknown")
  judged(lab, by_number("5", nil, "writeFiles"), "invalid", "where.unknown")
  judged(lab, by_number("5", nil, "request"), "invalid", "where.unknown")
  judged(lab, by_number("5", "none"), "wrong", "class.other")
  lab:get(PPROF .. "trace?seconds=0.1")
  judged(lab, right(STEPS[6]), "invalid", "evidence.idle")
  judged(lab, by_number("5"), "solved")
  t.equal(lab:stop(), 0)
end)

t.test("a few samples are no evidence", function()
  local lab = t.start("--step", "2", "--param", "2.seconds=0.05")
  lab:record(PPROF .. "profile?hz=20&seconds=", 1, function() requests(lab, 1) end)
  -- What is wrong is told the same: else it would tell which is right. A sample may
  -- not even have hit the function.
  for _, class in ipairs { "cpu.hot", "cpu.backtrack", "memory.churn" } do
    local v = post(lab, { class = class, where = "eatCPU" })
    t.check(v.code == "evidence.few" or v.code == "where.unknown", v.code)
    if v.code == "evidence.few" then t.has(v.feedback, "with other parameters (seconds)") end
    t.equal(v.verdict, "invalid", class)
  end
  t.equal(lab:stop(), 0)
end)

-- Stopped for a while, the lab is as on a machine whose processors are with others:
-- requests are under way, and little is computed.
t.test("a machine that is busy with others doesn't make the right family wrong", function()
  local lab = t.start("--step", "2", "--param", "2.seconds=0.25")
  local seconds = 1.4
  lab:record(PPROF .. "profile?hz=500&seconds=", 2, function()
    forget(lab)
    local load = load_in_background(lab, 1)
    lab:work("worker-", 0.02)
    lab:signal("STOP")
    t.sleep(seconds)
    lab:signal("CONT")
    load:wait()
    seconds = 2 * seconds
  end)
  judged(lab, { class = "cpu.backtrack", where = "eatCPU" }, "partial", "class.family")
  judged(lab, right(STEPS[2]), "solved")
  t.equal(lab:stop(), 0)
end)

t.test("further guesses, what is ruled out, and lines", function()
  local lab = t.start("--step", "5")
  requests(lab, 4)
  lab:get(PPROF .. "goroutine")
  lab:get(PPROF .. "lab.OpenFiles")
  local second = { class = "leak.timer", where = "startGoroutines", class2 = "leak.task", where2 = "startGoroutines" }
  t.equal(judged(lab, second, "partial", "rank").score, 90, "right at rank 2")
  local out = right(STEPS[5])
  out.ruled_out = "leak.file:c2"
  local v = judged(lab, out, "solved")
  t.equal(v.score, 90, "of the same family: it rules nothing out")
  t.equal(v.ruled_out_why, "leak.file is of the same family as what is wrong here, so it isn't ruled out.")
  local wrong = right(STEPS[5])
  wrong.class, wrong.ruled_out = "cpu.hot", "leak.file:c2"
  t.equal(judged(lab, wrong, "partial", "class.other").ruled_out_why, nil, "the family isn't told before")
  lab:get(PPROF .. "profile?seconds=1")
  out.ruled_out = "cpu.hot:c3"
  v = judged(lab, out, "solved")
  t.equal(v.score, 90, "an idle profile rules nothing out")
  t.has(v.ruled_out_why, "c3 doesn't speak against cpu.hot. What would: a CPU profile, taken under load, of")
  out.ruled_out = "net.idle:c3"
  t.has(judged(lab, out, "solved").ruled_out_why, "The lab knows no capture that speaks against net.idle:")
  out.ruled_out = "cpu.hot"
  t.has(judged(lab, out, "solved").ruled_out_why, "No capture is named that speaks against cpu.hot. What would: ")
  local load = load_in_background(lab, 40)
  lab:get(PPROF .. "mutex")
  load:wait()
  out.ruled_out = "wait.dependency:mutex" -- which wouldn't show it
  v = judged(lab, out, "solved")
  t.equal(v.score, 90)
  t.has(v.ruled_out_why, "mutex doesn't speak against wait.dependency. What would: a wall profile, taken under load")
  out.ruled_out = { "cpu.hot", "wait.lock:mutex" }
  v = judged(lab, out, "solved")
  t.equal(v.score, 100)
  t.equal(v.ruled_out_why, nil)
  local dump = lab:get(PPROF .. "goroutine?debug=2").body
  local line = t.match(dump, "workers%.startGoroutines.func1%(.-\n%s+[^\n]-/(scenario%.lua:%d+)")
  judged(lab, { class = "leak.task", where = line }, "solved")
  judged(lab, { class = "leak.task", where = "workers.startGoroutines" }, "solved")
  t.equal(lab:stop(), 0)
end)

t.test("a CPU profile without the collector speaks against gc.pressure", function()
  local lab = t.start()
  lab:go_to("2&seconds=0.2")
  take(lab, STEPS[2], STEPS[2].routes[1])
  local form = right(STEPS[2])
  form.ruled_out = "gc.pressure:cpu"
  t.equal(judged(lab, form, "solved").score, 100)
  t.equal(lab:stop(), 0)
end)

t.test("a healthy step is called healthy, from captures under load", function()
  local lab = t.start("--step", "0")
  lab:get(PPROF .. "heap")
  judged(lab, { class = "none" }, "invalid", "evidence.idle")
  requests(lab, 10)
  lab:get(PPROF .. "goroutine")
  judged(lab, { class = "none" }, "solved")
  judged(lab, { class = "cpu.hot", where = "request" }, "wrong", "class.other")
  -- As where something is wrong: else it would tell that all is well.
  judged(lab, { class = "cpu.hot", where = "eatCPU" }, "invalid", "where.unknown")
  t.has(lab:post("/lab/answer", "class=cpu.hot&where=request").body, "class 0/30, where 0/35, evidence 0/25,")
  t.has(lab:post("/lab/answer", "class=none").body, "\nscore     100 of 100\n")
  judged(lab, { class = "none", evidence = "c1" }, "invalid", "evidence.idle")
  t.equal(lab:stop(), 0)
end)

t.test("a saved profile is as good", function()
  local lab = t.start("--step", "3", "--param", "3.rounds=1")
  requests(lab, 3)
  local file = t.temp_file()
  t.equal(t.run(t.command { "curl", "-sS", "-o", file, lab.url .. PPROF .. "heap" }).code, 0)
  forget(lab)
  judged(lab, right(STEPS[3]), "invalid", "evidence.nothing")
  t.equal(lab:get("/lab/captures", "--data-binary", "@" .. file).status, 201)
  judged(lab, right(STEPS[3]), "solved")
  for _, name in ipairs { "main.doSomeBusinessLogic", "doSomeBusinessLogic" } do
    judged(lab, { class = "memory.retained", where = name }, "partial", "where.entry")
  end
  judged(lab, { class = "memory.retained", where = "lab_buffer_grow" }, "partial", "where.machinery")
  t.equal(lab:stop(), 0)
end)

-- ---- forms -----------------------------------------------------------------------

t.test("JSON in, and text out", function()
  local lab = t.start("--step", "6")
  requests(lab, 4)
  lab:get(PPROF .. "lab.OpenFiles")
  local function json(body, ...)
    return lab:post("/lab/answer", body, "-H", "Content-Type: application/json", ...)
  end
  local answer = json([[{"format": "diaglab-answer/1", "evidence": ["c1"], "number": 5, "confidence": 0.8,
    "ruled_out": [{"class": "cpu.hot", "evidence": "c1"}, "wait.lock"],
    "hypotheses": [{"class": "leak.file", "where": "receipts.createFiles"}]}]])
  t.equal(answer.status, 200)
  t.equal(answer.body, "verdict   solved (step 6)\n" ..
    "score     90 of 100: class 30/30, where 35/35, evidence 25/25, ruled out 0/10\n" ..
    "evidence  c1 (lab.OpenFiles profile) shows it\n\n"
    .. "That's it. Now repair it: diaglab repair 6 (in a clone: ./lab run repair 6).\n\n"
    .. "c1 doesn't speak against cpu.hot. What would: a CPU profile, taken under load,\n"
    .. "of a time in which the processor was mostly idle.\n")
  answer = lab:post("/lab/answer", "class=leak.file&where=createFiles&evidence=c1").body
  t.has(answer, "\n\nThe last 10 points are for what it isn't: ruled_out=CLASS:CAPTURE, a class of\n"
    .. "another family (the word before the dot) against which one of your captures\n(/lab/captures) speaks.\n")
  t.match(json("{}", "-H", "Accept: application/json").body, '^{"error": "An answer needs a class')
  for _, wrong in ipairs { { "{", "JSON, byte 2" }, { "[]", "needs a class" },
    { '{"format": "x"}', "diaglab-answer/1" },
    { '{"hypothesis": []}', "did you mean 'hypotheses'?" },
    { '{"hypotheses": {"class": "cpu.hot"}}', "must be a list" },
    { '{"hypotheses": [{"class": "cpu.hot"}]}', "needs a class and a function" },
    { '{"hypotheses": [{}, {}, {}, {}]}', "three are possible" }, { ("["):rep(1000), "too deep" },
    { '{"hypotheses": [{"class": "leak.fil", "where": "x"}]}', "did you mean 'leak.file'?" },
    { '{"confidence": 2}', "from 0 to 1" }, { '{"number": []}', "must be a string" },
    { '{"hypotheses": [{"class": "\\u0007", "where": "x"}]}', "no text" },
    { '{"number": "five"}', "number: 'five' can't be read" }, { "\xff\xfe", "no value" } } do
    local refused = json(wrong[1])
    t.equal(refused.status, 400, wrong[1])
    t.has(refused.body, wrong[2])
  end
  t.equal(lab:stop(), 0)
end)

t.test("wrong forms are told, and cost nothing", function()
  local lab = t.start("--step", "6")
  for _, wrong in ipairs { { "", "needs a class and a function" },
    { "class=leak.file", "needs a class and a function" },
    { "clas=leak.file", "did you mean 'class'?" }, { "class=leak.fil&where=x", "did you mean 'leak.file'?" },
    { "class=lock&where=x", "'lock'; did you mean 'wait.lock'? See" },
    { "class=gc&where=x", "'gc'; did you mean 'gc.pressure'? See" },
    { "class=net&where=x", "'net'; there are net.nagle, net.idle, net.retry. See" },
    { "class=a&class=b", "class is there twice" },
    { "class=cpu.hot&where=x&ruled_out=cpu.hut", "did you mean 'cpu.hot'?" },
    { "class=cpu.hot&where=x&where2=idle", "'idle' has no class: class2 goes with where2" },
    { "class=cpu.hot&where=x&confidence=high", "from 0 to 1" },
    { "class=leak.file&where=x&number=abc", "'abc' can't be read: write it like 5, 20ms or 10MB" },
    { "class=leak.file&where=x&number=10mb", "(units: B kB MB" },
    { "class=leak.file&where=x&number=5+x+fixed", "'5 x fixed' can't" }, { "%zz=&=", "unknown key '%zz'" },
    { "%1b[31m=x", "no text" }, { "class=%00", "no text" }, { "where=%ff", "no text" }, { "class=\27[2J", "no text" },
    { "class=" .. ("x"):rep(2000), "more than 1000 bytes" } } do
    local answer = lab:post("/lab/answer", wrong[1])
    t.equal(answer.status, 400, wrong[1])
    t.has(answer.body, wrong[2])
    for line in answer.body:gmatch("[^\n]+") do t.check(#line <= 80, "at most 80 columns: " .. line) end
  end
  t.equal(lab:get("/lab/answer").status, 405)
  t.equal(lab:post("/lab/answer", "class=none", "-H", "Origin: http://evil.example").status, 403)
  t.equal(lab:post("/lab/answer", ("x"):rep(70000)).status, 413)
  local classes = lab:get("/lab/classes").body
  t.has(classes, "\nwait.lock ")
  for line in classes:gmatch("[^\n]+") do t.check(#line <= 80, "at most 80 columns: " .. line) end
  t.equal(t.run(t.command { t.diaglab, "classes" }).out, classes, "the same as the command's")
  t.match(lab:get("/lab/classes?format=json").body, '^{"classes": %[{"class": "cpu.hot"')
  t.equal(lab:stop(), 0)
end)

t.test("after two wrong answers the next hint is offered, as long as there is one", function()
  local dir = t.temp_dir() .. "/50-hinted"
  t.equal(t.run(t.command { "mkdir", dir }).code, 0)
  t.write(dir .. "/scenario.lua", "return { request = function() return 'done\\n' end }\n")
  t.write(dir .. "/lesson.lua", [[return { title = "T", symptom = "S", hints = { "First?", "Second?" },
    expect = { { profile = "cpu", under = "work", value = ">= 1s per request" } },
    diagnosis = { class = "cpu.hot", where = "work" } }]])
  local lab = t.start_with({ dir:match("^(.*)/") }, "--step", "50", "--hints", "0")
  requests(lab, 1)
  lab:get(PPROF .. "heap")
  local function told(form, ...) return lab:post("/lab/answer", form or "class=io.log&where=request", ...).body end
  t.check(not told():find("hint", 1, true), "the first one")
  t.check(not told("class=io.log&where=noSuchFunction"):find("hint", 1, true), "it isn't judged")
  t.has(told(), " There is a hint at /hint.\n")
  lab:get("/hint")
  t.has(told(), " The next hint is at /hint?n=2.\n")
  t.has(told(nil, "-H", "Accept: application/json"), '"advice": "The next hint is at /hint?n=2."')
  lab:get("/hint?n=2")
  t.check(not told():find("hint", 1, true), "there is no further one")
  t.equal(lab:stop(), 0)
  lab = t.start_with({ dir:match("^(.*)/") }, "--step", "50", "--hints", "off")
  requests(lab, 1)
  lab:get(PPROF .. "heap")
  for _ = 1, 3 do t.check(not told():find("hint", 1, true), "this lab gives none") end
  t.equal(lab:stop(), 0)
end)

-- What is right in it counts: lists with holes, and with what is no word.
t.test("a lesson with mistakes judges as far as it can be read", function()
  local dir = t.temp_dir() .. "/50-mistaken"
  t.equal(t.run(t.command { "mkdir", dir }).code, 0)
  t.write(dir .. "/scenario.lua", [[local files = {}
    local function keepFile() files[#files + 1] = lab.temp_file() end
    return { request = function() keepFile() end }]])
  t.write(dir .. "/lesson.lua", [[return {
    expect = { { profile = "lab.OpenFiles", under = "keepFile", value = "= 1 per request" } },
    diagnosis = { class = { 5, "leak.file" }, where = { "openFile", nil, "openTemp", "keepFile" } } }]])
  local lab = t.start_with({ dir:match("^(.*)/") }, "--step", "50")
  requests(lab, 4)
  lab:get(PPROF .. "lab.OpenFiles")
  judged(lab, { class = "leak.socket", where = "keepFile" }, "partial", "class.family")
  judged(lab, { class = "leak.file", where = "keepFile" }, "solved")
  t.write(dir .. "/lesson.lua", 'return { diagnosis = { class = { 5 }, where = "keepFile" } }')
  t.equal(select(2, post(lab, { class = "leak.file", where = "keepFile" })).status, 404, "no class is left")
  t.equal(lab:stop(), 0)
end)

t.finish()
