-- SPDX-License-Identifier: MIT
-- needs: time
-- An exercise that is proven can be solved: by an honest student, with what a lab
-- shows. Else the proof says what is missing.
local t = require "harness"
t.need("curl")

local PPROF = "/debug/pprof/"

-- A program whose fault is in no profile: it counts each order twice. The lesson names
-- the function only by `about`.
local PROGRAM = [[
local orders = lab.counter("orders_total")

local function countOrder(req)
  if req.method ~= "DELETE" then orders:add(%d) end
end

return {
  request = function(_, req)
    countOrder(req)
    return "ordered\n"
  end,
}
]]

local LESSON = [[
return {
  title = "More orders than customers",
  symptom = "The warehouse packs more parcels than anybody has ordered.",
  difficulty = 1, minutes = 10,
  hints = { "%s" },
  load = { requests = 20, clients = 2%s },
  fixed = "fixed.lua",
  expect = { { metric = "orders_total", value = "= 2 per request", about = "countOrder"%s } },
  keeps = { { status = "2xx", share = ">= 0.99" } },
  diagnosis = { class = "net.retry", where = "countOrder" },
}
]]

local HINT = ("word "):rep(40) .. "what does `curl localhost:6060/metrics` say?"

local function make_orders(load, sentence)
  local dir = t.temp_dir() .. "/50-orders"
  t.equal(t.run(t.command { "mkdir", "-p", dir .. "/answers" }).code, 0)
  t.write(dir .. "/scenario.lua", PROGRAM:format(2))
  t.write(dir .. "/fixed.lua", PROGRAM:format(1))
  t.write(dir .. "/lesson.lua", LESSON:format(HINT, load or "", sentence or ""))
  t.write(dir .. "/answers/solved.lua",
    'return { class = "net.retry", where = "countOrder", evidence = { "metrics" } }\n')
  t.write(dir .. "/answers/partial.lua", 'return { class = "net.idle", where = "countOrder", code = "class.family" }\n')
  return dir
end

local function prove(dir)
  return t.run(t.command { t.diaglab, "test", dir })
end

local function answer(lab, form, accept)
  local got = lab:post("/lab/answer", form, "-H", "Accept: " .. (accept or "application/json"))
  t.equal(got.status, 200, got.body)
  local verdict, code = got.body:match('"verdict": "(%a+)"'), got.body:match('"code": "([%w._]+)"')
  return (verdict or "-") .. " " .. (code or "-"), got.body
end

local RIGHT = "class=net.retry&where=countOrder"

t.test("a function that only numbers show is named by who has seen them", function()
  local dir = make_orders()
  local result = prove(dir)
  t.equal(result.code, 0, result.out)
  local lab = t.start_with({ dir:match("^(.*)/") }, "--step", "50")
  -- The numbers with which the visit begins are there a moment after the start.
  t.eventually(function() return lab:get("/lab/captures?format=json").body:find('"id": "b1"', 1, true) end)
  lab:get(PPROF .. "heap")
  for _ = 1, 3 do t.equal(lab:get("/").status, 200) end
  lab:get(PPROF .. "heap")
  t.equal(answer(lab, RIGHT), "invalid where.unknown", "nobody can tell by a heap profile")
  for _, path in ipairs { "/metrics", "/debug/vars" } do
    lab:get("/lab/captures", "-X", "DELETE")
    lab:get(path)
    t.equal(answer(lab, RIGHT), "solved solved", "one look at " .. path)
    t.equal(answer(lab, "class=net.retry&where=orders.countOrder"), "solved solved")
    t.equal(answer(lab, "class=net.retry&where=noSuchFunction"), "invalid where.unknown")
    t.equal(answer(lab, "class=cpu.hot&where=countOrder"), "partial class.other")
  end
  lab:go_to(50)
  lab:get("/metrics")
  t.equal(answer(lab, RIGHT), "invalid evidence.idle", "nobody has asked in this visit")
  for _ = 1, 3 do t.equal(lab:get("/").status, 200) end
  lab:get("/metrics")
  t.equal(answer(lab, RIGHT), "solved solved", "the numbers of this visit's beginning are known")
  t.equal(lab:stop(), 0)
end)

t.test("what a student's load doesn't show is no exercise", function()
  local dir = make_orders(', method = "DELETE"', ", load = { requests = 20, clients = 2 }")
  local result = prove(dir)
  t.equal(result.code, 1, result.out)
  t.has(result.out, "\n    a student can't solve it: net.retry in countOrder, with all profiles, /metrics and " ..
    "/debug/vars of the lesson's load, is invalid (where.unknown): ")
  t.has(result.out, " What to do: no profile shows this function, so a sentence that one capture can show")
  t.equal(select(2, result.out:gsub("\n    ", "")), 1, "only that: " .. result.out)
end)

t.test("any of several functions to blame is right, also one that is in no profile", function()
  local lab = t.start("--step", "1")
  t.spawn(("curl -s --max-time 60 %s/"):format(lab.url))
  lab:wait_tasks("sync.Mutex.Lock", 1)
  lab:get(PPROF .. "goroutine")
  for _, name in ipairs { "countRequest", "enter" } do
    t.equal(answer(lab, "class=wait.lock&where=" .. name), "solved solved", name)
  end
  t.equal(lab:stop(), 0)
end)

-- The proof has other ones: what its sentences claim must hold with these, too.
t.test("numbers are evidence with the step's own parameters", function()
  local lab = t.start()
  for _, case in ipairs { { 3, "/metrics", "class=memory.retained&where=leakMemory" },
    { 3, "/debug/vars", "class=memory.retained&where=leakMemory" },
    { 4, "/metrics", "class=memory.churn&where=allocateMemory" },
    { 4, "/debug/vars", "class=memory.churn&where=allocateMemory" },
    { 5, "/metrics", "class=leak.task&where=startGoroutines" },
    { 6, "/metrics", "class=leak.file&where=createFiles" } } do
    lab:go_to(case[1])
    for _ = 1, 2 do t.equal(lab:get("/").status, 200) end
    lab:get(case[2])
    t.equal(answer(lab, case[3]), "solved solved", ("step %d by %s"):format(case[1], case[2]))
  end
  t.equal(lab:stop(), 0)
end)

-- What the lesson of step 2 asks for is a parameter's value. Of step 6 it tells how
-- many files a request opens by default.
t.test("other parameters: what is judged by them, and what can't be judged", function()
  local lab = t.start()
  local function enter(step, requests)
    t.equal(lab:go_to(step).status, 200)
    for _ = 1, requests do t.equal(lab:get("/").status, 200) end
  end
  enter("2&seconds=0.2", 2)
  lab:get(PPROF .. "heap")
  local quote = "class=cpu.hot&where=eatCPU&number="
  t.equal(answer(lab, quote .. "5"), "invalid where.unknown", "as it is by default")
  t.equal(answer(lab, quote .. "0.2"), "solved solved")
  t.equal(answer(lab, quote .. "200ms"), "solved solved")
  enter("2&seconds=0.3", 2)
  lab:get(PPROF .. "heap")
  t.equal(answer(lab, quote .. "0.2"), "invalid where.unknown")
  t.equal(answer(lab, quote .. "0.3"), "solved solved")
  local files = "class=leak.file&where=createFiles"
  enter("6&files=3", 4)
  lab:get(PPROF .. "lab.OpenFiles")
  local got, text = answer(lab, files)
  t.equal(got, "invalid evidence.params")
  t.has(text, "with other parameters (files)")
  t.equal(answer(lab, files .. "&number=5"), "invalid evidence.params", "nobody has seen five")
  enter("6&files=5", 4)
  lab:get(PPROF .. "lab.OpenFiles")
  t.equal(answer(lab, files), "solved solved")
  enter("3&rounds=1", 3) -- of what the number doesn't depend on
  lab:get(PPROF .. "heap?gc=1")
  t.equal(answer(lab, "class=memory.retained&where=leakMemory"), "solved solved")
  t.equal(lab:stop(), 0)
end)

t.test("who has the right words is told which profile would show it", function()
  local lab = t.start("--step", "6")
  for _ = 1, 4 do lab:get("/") end
  lab:get(PPROF .. "lab.OpenFiles")
  lab:get(PPROF .. "goroutine")
  local function told(form) return select(2, answer(lab, form)):match('"feedback": "([^"]*)"') end
  local which = " that about this function: a lab.OpenFiles profile or /metrics would. Or measure it, and say " ..
    "number=N: how many descriptors does each request leave open?"
  t.equal(told "class=leak.file&where=createFiles&evidence=c2", "The evidence that you name doesn't show" .. which)
  t.has(told "class=leak.file&where=createFiles&evidence=c2&number=7", " would. Your number isn't right: how many")
  for _, form in ipairs { "class=leak.socket&where=createFiles&evidence=c2", "class=cpu.hot&where=createFiles",
    "class=leak.file&where=request" } do
    t.check(not told(form):find("OpenFiles", 1, true), "nobody else: " .. form)
    t.check(not told(form .. "&number=7"):find("descriptors", 1, true), "nobody else: " .. form)
  end
  lab:get("/lab/captures?id=c1", "-X", "DELETE")
  t.equal(told "class=leak.file&where=createFiles", "No profile of this visit has this function: take one that " ..
    "shows it, and write the name as it stands there.")
  t.equal(lab:stop(), 0)
end)

-- Which program is healthy isn't told, and nothing is said that isn't so.
t.test("a wrong class isn't told to be one of several faults", function()
  local lab = t.start()
  local function told(form) return select(2, answer(lab, form)):match('"feedback": "([^"]*)"') end
  for i, form in ipairs { "class=cpu.hot&where=request", "class=none" } do
    lab:go_to(i == 1 and 0 or 5)
    lab:get("/")
    lab:get(PPROF .. "goroutine")
    t.equal(told(form), "The class isn't right: do your captures show that something is used up, or waited for, " ..
      "and by what?")
  end
  t.equal(told "class=leak.timer&where=startGoroutines", "In leak.timer, the word leak is right, and timer isn't: " ..
    "what exactly happens there? /lab/classes says what the words mean.")
  t.equal(lab:stop(), 0)
end)

t.finish()
