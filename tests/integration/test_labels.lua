-- SPDX-License-Identifier: MIT
-- needs: processor
-- lab.label, lab.region and lab.task: labels tell apart what runs the same
-- code, and none of them shows otherwise.
local t = require "harness"
t.need("curl", "go")

local scenarios = { t.source .. "/tests/integration/scenarios" }

-- CPU seconds of a profile by the value of a label, "" without it.
local function by_label(raw, key)
  local sums = {}
  for _, sample in ipairs(raw.samples) do
    local value = sample.labels[key] and sample.labels[key][1] or ""
    if sample.labels.step then sums[value] = (sums[value] or 0) + sample.values[2] / 1e9 end
  end
  return sums
end

t.measured("CPU samples carry labels: nested, on workers, in tasks, after a sleep", function()
  local lab = t.start_with(scenarios, "--step", "81")
  local file = lab:record("/debug/pprof/profile?hz=500&seconds=", 3, function()
    t.equal(lab:get("/labels").status, 200)
  end)
  local raw = t.pprof.raw(file)
  local worker, part = by_label(raw, "worker"), by_label(raw, "part")
  t.near(worker.a, 0.8, 0.1, "a: 0.4 + 0.3 + 0.1")
  t.near(worker.b, 0.6, 0.1, "b: a worker's 0.4, a task's 0.2")
  t.near(worker[""], 0.4, 0.1, "without: before and after")
  t.near(part.inner, 0.3, 0.06)
  t.near(part[""], 1.5, 0.15)
  for _, sample in ipairs(raw.samples) do
    if sample.labels.part then
      t.equal(sample.labels.worker[1], "a", "the outer label is kept")
      t.equal(sample.labels.route[1], "/labels", "and those of the request")
    end
  end
  -- The frames below: the labelled function, and who labelled it.
  local top = t.pprof.top(file, "-tagfocus=part=inner")
  t.check(top["labels.spinFor"] and top["lab.label"] and top["labels.labelled"], "frames of a labelled function")
  t.equal(lab:stop(), 0)
end)

t.test("heap samples carry labels", function()
  local lab = t.start_with(scenarios, "--step", "81")
  lab:get("/heap")
  local top = t.pprof.top(lab.url .. "/debug/pprof/heap", "-tagfocus=owner=cache")
  t.check(top["labels.keepBuffer"], "keepBuffer has a label")
  t.between(top["labels.keepBuffer"].cum, 8 * 2 ^ 20, 9 * 2 ^ 20)
  t.equal(lab:stop(), 0)
end)

t.test("tasks have the labels of who started them", function()
  local lab = t.start_with(scenarios, "--step", "81")
  lab:get("/park")
  local url = lab.url .. "/debug/pprof/goroutine"
  local text = lab:get("/debug/pprof/goroutine?debug=1").body
  t.match(text, '\n3 @ [^\n]+\n# labels: {"route":"/park", "step":"labels", "worker":"parked"}\n')
  t.match(text, '\n1 @ [^\n]+\n# labels: {"route":"/park", "step":"labels"}\n')
  t.equal(t.pprof.top(url, "-tagfocus=worker=parked").rows[1].cum, 3)
  t.equal(lab:stop(), 0)
end)

t.measured("a flood of labels takes neither states nor steps", function()
  local lab = t.start_with(scenarios, "--step", "81")
  lab:get("/flood")
  lab:go_to(81)
  local took
  local file = lab:record("/debug/pprof/wall?seconds=", 2, function()
    local answer = lab:get("/flood")
    t.equal(answer.status, 200)
    took = answer.seconds
  end)
  local asleep = 0
  for _, sample in ipairs(t.pprof.raw(file).samples) do
    t.check(not sample.labels.state[1]:find("other"), "a state is lost")
    if sample.labels.state[1] == "sleep" and sample.labels.n then
      t.has(sample.labels.n[1], "[other")
      t.equal(sample.labels.step[1], "labels")
      t.equal(sample.labels.route[1], "/flood")
      asleep = asleep + sample.values[2] / 1e9
    end
  end
  t.between(asleep, 0.2, took + 0.1, "seconds of a sleep of 0.3")
  t.equal(lab:stop(), 0)
end)

-- Whatever a step that was left has used up.
local FLOOD = [[
return { title = "flood", request = function()
  for i = 1, 20000 do lab.label("flood", "v" .. i, function() end) end
  return "ok"
end }]]
local NEXT = [[
local kept
local function keepMore() kept = lab.buffer(8 << 20) end
return { title = "next", request = function()
  lab.label("next", "kept", keepMore)
  lab.label("next", "parked", lab.go, lab.sleep, 600)
  lab.label("next", "busy", lab.spin, 0.5)
  return "ok"
end }]]

t.test("a step has its labels, whatever the steps before have used up", function()
  local dir = t.temp_dir()
  t.run(("mkdir %s/1-flood %s/2-next"):format(dir, dir))
  t.write(dir .. "/1-flood/scenario.lua", FLOOD)
  t.write(dir .. "/2-next/scenario.lua", NEXT)
  local lab = t.start_with({ dir }, "--step", "1")
  t.equal(lab:get("/").body, "ok")
  for i = 1, 1100 do lab:get(("/route%d"):format(i)) end
  for _ = 1, 2 do
    t.equal(lab:go_to(2).status, 200)
    local file = lab:record("/debug/pprof/profile?hz=500&seconds=", 2, function()
      t.equal(lab:get("/").body, "ok")
    end)
    local url = lab.url .. "/debug/pprof/"
    t.check(t.pprof.top(file, "-tagfocus=next=busy").rows[1], "the CPU profile has its label")
    t.check(t.pprof.top(url .. "heap", "-tagfocus=next=kept")["next.keepMore"], "the heap profile has it")
    local tasks = lab:get("/debug/pprof/goroutine?debug=1").body
    t.has(tasks, '# labels: {"next":"parked", "route":"/", "step":"next"}\n')
    local dump = lab:get("/debug/pprof/goroutine?debug=2").body
    t.check(not (tasks .. dump):find("[other]", 1, true), "nothing is called [other]")
    for _, sample in ipairs(t.pprof.raw(file).samples) do
      for key, values in pairs(sample.labels) do t.check(values[1] ~= "[other]", key .. " is [other]") end
    end
    t.equal(lab:go_to(1).status, 200)
    t.equal(lab:get("/").body, "ok")
  end
  t.equal(lab:stop(), 0)
end)

t.test("results, errors and tracebacks pass through", function()
  local lab = t.start_with(scenarios, "--step", "81")
  t.equal(lab:get("/through").body, "3 1 nil nil|x nil|5|0|true")
  local failed = lab:get("/fail")
  t.equal(failed.status, 500)
  t.has(lab:details(failed), "it failed")
  lab:wait_log("scenario.lua:75: in function <") -- failsHere is in the traceback
  for _, name in ipairs { "label", "region", "task" } do
    t.has(lab:log(), ("[C]: in field '%s'"):format(name))
  end
  t.equal(lab:get("/wrong").body, table.concat({
    "bad argument #1 to 'label' (a label needs a key)",
    "bad argument #2 to 'label' (a label needs a value)",
    "bad argument #2 to 'label' (a label has at most 128 bytes, and no zeros)",
    "bad argument #2 to 'label' (a label has at most 128 bytes, and no zeros)",
    "bad argument #3 to 'label' (function expected, got number)",
    "bad argument #1 to 'label' (the labels step, route, state and bytes are the lab's own)",
    "bad argument #1 to 'label' (the labels step, route, state and bytes are the lab's own)",
    "bad argument #1 to 'label' (the labels step, route, state and bytes are the lab's own)",
    "bad argument #1 to 'label' (the labels step, route, state and bytes are the lab's own)",
    "bad argument #2 to 'region' (function expected, got no value)",
    "bad argument #1 to 'task' (string expected, got nil)",
  }, "\n"))
  t.equal(lab:stop(), 0)
end)

-- C's functions would cut it there, and two names would be one.
t.test("no name has a zero in it", function()
  local lab = t.start_with(scenarios, "--step", "81")
  local calls = 0
  local text = lab:get("/zeros").body
  for line in text:gmatch("[^\n]+: [^\n]+") do
    calls = calls + 1
    t.check(line:find("bad argument", 1, true) or line:find("there is no primitive", 1, true), line)
  end
  t.equal(calls, 15)
  t.has(text, 'region: bad argument #1 to \'region\' (a name has no zeros)\n')
  t.has(text, '\nMutex "a b" (unlocked, 0 waiting)Mutex (unlocked, 0 waiting)')
  -- A text isn't a name, and is there as a whole.
  lab:wait_log("before\\x00after")
  t.has(lab:get("/debug/pprof/trace?last=5s").body, "before\0after")
  t.equal(lab:stop(), 0)
end)

t.test("a label that has no room is an error", function()
  local lab = t.start_with(scenarios, "--step", "81")
  t.equal(lab:get("/deep").body, "bad argument #1 to 'label' (no room for the label 'key15': a task has at most "
    .. "16 labels at a time, with step and route)\nthe same key has room")
  t.equal(lab:stop(), 0)
end)

t.finish()
