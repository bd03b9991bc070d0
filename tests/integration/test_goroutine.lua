-- SPDX-License-Identifier: MIT
-- The profiles of tasks and threads: as many tasks as there are, in the states
-- they are in, in forms that agree; and that showing many of them disturbs
-- nobody.
local t = require "harness"
local attacks = require "attacks"
t.need("go", "curl")

local GOROUTINE = "/debug/pprof/goroutine"
local scenarios = { t.source .. "/tests/integration/scenarios", t.source .. "/scenarios" }

local function start(step, ...) return t.start_with(scenarios, "--step", tostring(step), ...) end

local function dump(lab) return lab:get(GOROUTINE .. "?debug=2").body end

local function count(text, plain)
  local n, at = 0, 1
  while true do
    local first, last = text:find(plain, at, true)
    if not first then return n end
    n, at = n + 1, last + 1
  end
end

local function names(sample)
  local list = {}
  for i, location in ipairs(sample.stack) do list[i] = location.frames[1].name end
  return table.concat(list, " ")
end

-- One more request, and no wait for its answer.
local function request(lab, path, ...)
  return t.spawn(t.command { "curl", "-sS", "-o", "/dev/null", lab.url .. path, ... })
end

-- ---- the original's steps -----------------------------------------------------

t.test("step 1: requests that wait for the lock", function()
  local lab = start(1)
  local curls = {}
  for i = 1, 3 do curls[i] = request(lab, "/") end
  -- Who has it is the task that has entered the step.
  t.eventually(function()
    local remark = '%("served" held by task %d+ since [%d.]+ s; it has ended; 3 wait%)'
    return select(2, dump(lab):gsub(" %[sync%.Mutex%.Lock " .. remark .. "%]:\n", "")) == 3
  end)
  t.match(dump(lab), "goroutine %d+ %[sync%.Mutex%.Lock %([^%],]+%)%]:\nlab%.Mutex%.lock%(%.%.%.%)\n\t%S+:%d+ %+0x%x+\n"
    .. "counter%.countRequest%(%.%.%.%)\n\t%S+/01%-counter/scenario%.lua:%d+ %+0x%x+\n"
    .. "counter%.request%(%.%.%.%)\n\t[^\n]+\n"
    .. "main%.doSomeBusinessLogic%(%.%.%.%)\n\t%S+/main%.lua:%d+ %+0x%x+\n"
    .. "main%.helloWorldHandler%(%.%.%.%)\n\t[^\n]+\n\n")
  local top = t.pprof.top(lab.url .. GOROUTINE)
  t.equal(top.total, 3)
  t.equal(top["main.doSomeBusinessLogic"].cum, 3)
  t.equal(top["lab.Mutex.lock"].flat, 3)
  t.equal(lab:go_to(0).status, 200)
  for _, curl in ipairs(curls) do t.equal(curl:wait(), 0) end
  t.eventually(function() return dump(lab) == "" end) -- the lab's own task looks after them
  t.equal(lab:stop(), 0)
end)

t.test("step 5: 20 requests leave 100 tasks, in one record", function()
  local lab = start(5, "--param", "5.work=0.0001")
  for _ = 1, 20 do t.equal(lab:get("/").status, 200) end
  local text
  t.eventually(function() -- the last of them may not have run yet
    text = lab:get(GOROUTINE .. "?debug=1").body
    return text:find("^goroutine profile: total 100\n100 @ 0x")
  end)
  t.equal(count(text, " @ 0x"), 1)
  t.has(text, '\n# labels: {"route":"/", "step":"workers"}\n')
  t.match(text, "#\t0x%x+\tworkers%.startGoroutines%.func1%+0x%x+\t")
  local all = dump(lab)
  t.equal(count(all, " [chan receive]:\n"), 100)
  t.equal(count(all, "\ncreated by workers.startGoroutines in goroutine "), 100)
  t.has(lab:get("/debug/pprof/").body,
    "<tr><td>100</td><td><a href='goroutine?debug=1'>goroutine</a></td></tr>")
  t.equal(lab:go_to(0).status, 200)
  t.eventually(function() return dump(lab) == "" end)
  t.equal(lab:stop(), 0)
end)

-- ---- what is shown ------------------------------------------------------------

t.test("states, and numbers that are known", function()
  local lab = start(58)
  for _, path in ipairs { "/", "/lock", "/select", "/sleep", "/work" } do
    t.equal(lab:get(path).status, 200, path)
  end
  local all = dump(lab)
  t.equal(count(all, " [chan receive]:\n"), 10)
  local remark = "%(held by task %d+ since [%d.]+ s; it has ended; 7 wait%)"
  t.equal(select(2, all:gsub(" %[sync%.Mutex%.Lock " .. remark .. "%]:\n", "")), 7)
  t.equal(count(all, " [select]:\n"), 3)
  t.equal(count(all, " [sleep]:\n"), 2)
  local working = 0
  for task in all:gmatch("(goroutine %d+ .-)\n\n") do
    if task:find("\ngoroutines.work(...)\n", 1, true) then
      working = working + 1
      t.match(task, "^goroutine %d+ %[runnable%]:\n")
    end
  end
  t.equal(working, 1)
  t.equal(count(all, "goroutine "), 23 + count(all, "in goroutine "))
  t.equal(t.pprof.top(lab.url .. GOROUTINE).total, 23)
  t.equal(lab:stop(), 0)
end)

t.test("the text, read by pprof, agrees with the binary form", function()
  local lab = start(58)
  for _, path in ipairs { "/", "/lock", "/sleep" } do lab:get(path) end
  local binary, text = t.pprof.raw(lab.url .. GOROUTINE), t.pprof.raw(lab.url .. GOROUTINE .. "?debug=1")
  t.equal(binary.types[1], "goroutine/count")
  t.equal(binary.fields.PeriodType, "goroutine count")
  t.equal(binary.fields.Period, "1")
  t.equal(#binary.samples, 3)
  t.equal(#text.samples, 3)
  local known = {}
  for _, sample in ipairs(binary.samples) do
    known[names(sample)] = sample.values[1]
    t.equal(sample.labels.step[1], "goroutines")
  end
  for _, sample in ipairs(text.samples) do t.equal(sample.values[1], known[names(sample)], names(sample)) end
  t.equal(t.pprof.top(lab.url .. GOROUTINE, "-tagfocus", "route=/lock")["lab.Mutex.lock"].cum, 7)
  t.has((t.pprof.run(lab.url .. GOROUTINE, "-traces")), "goroutines.waitForQuit")
  t.equal(lab:stop(), 0)
end)

t.test("a delta has what came and went", function()
  local lab = start(58)
  lab:get("/lock")
  local file = t.temp_dir() .. "/delta"
  -- If the window begins too late, or ends too early, there is another.
  local raw = t.enough(function(seconds)
    local curl = t.spawn(t.command { "curl", "-sS", "-o", file, "-D", file .. ".headers",
      lab.url .. GOROUTINE .. "?seconds=" .. seconds })
    t.sleep(0.4 * seconds)
    lab:get("/")
    local whole = curl:alive()
    t.equal(curl:wait(), 0)
    return t.pprof.raw(file), whole
  end, function(raw, whole) return whole and #raw.samples > 0 end)
  t.has(t.read(file .. ".headers"), 'filename="goroutine-delta"')
  t.equal(#raw.samples, 1)
  t.equal(raw.samples[1].values[1], 10)
  t.equal(lab:get(GOROUTINE .. "?seconds=1&debug=1").status, 400)
  t.equal(lab:stop(), 0)
end)

-- ---- many of them -------------------------------------------------------------

t.test("100,000 tasks: exact, whole, and nobody waits", function()
  local lab = start(58, "--param", "58.tasks=100000")
  t.equal(lab:get("/").status, 200)
  t.equal(t.pprof.top(lab.url .. GOROUTINE).total, 100000)
  local file = t.temp_dir() .. "/dump"
  local curl = t.spawn(t.command { "curl", "-sS", "-o", file, "--limit-rate", "40M", lab.url .. GOROUTINE .. "?debug=2" })
  for _ = 1, 3 do
    lab:in_time(0.5, "/debug", function() return lab:get("/debug/pprof/cmdline") end, 3)
    lab:in_time(0.5, "a request", function() return lab:get("/sleep") end, 3)
  end
  t.equal(curl:wait(), 0)
  local text = t.read(file)
  t.equal(count(text, " [chan receive]:\n"), 100000)
  t.equal(text:sub(-2), "\n\n")
  t.equal(lab:go_to(0).status, 200)
  t.eventually(function() return dump(lab) == "" end)
  t.equal(lab:stop(), 0)
end)

t.test("tasks that go on: a picture of one moment", function()
  local lab = start(58, "--param", "58.tasks=30000")
  t.equal(lab:get("/ring").status, 200)
  for _ = 1, 3 do
    local all = dump(lab)
    -- Two when its time was up between sending and receiving.
    local ready = count(all, " [runnable]:\n")
    t.between(ready, 1, 2)
    t.equal(count(all, " [chan receive]:\n"), 30000 - ready)
  end
  t.equal(lab:stop(), 0)
end)

t.test("a client that is slow, or goes away", function()
  local lab = start(58, "--param", "58.tasks=200000")
  t.equal(lab:get("/").status, 200)
  t.equal(#t.run("curl -sS " .. lab.url .. GOROUTINE .. "?debug=2 | head -c 1000").out, 1000) -- of 60 MB
  dump(lab)
  local before = lab:rss()
  local slow = {}
  for i = 1, 3 do slow[i] = request(lab, GOROUTINE .. "?debug=2", "--limit-rate", "100k") end
  t.sleep(1)
  t.between(lab:rss() - before, -2 ^ 40, 60e6, "bytes more for three slow clients")
  lab:in_time(0.5, "/debug", function() return lab:get("/debug/pprof/cmdline") end, 3)
  t.equal(lab:end_in(2), 0) -- in their midst
  for _, curl in ipairs(slow) do curl:signal("KILL") end
end)

t.test("while the VM sits in C, only those who ask for tasks wait", function()
  local lab = start(58)
  local hog, curls
  local served = 0
  t.enough(function(seconds)
    hog, curls = request(lab, "/hog?seconds=" .. seconds), {}
    lab:work("vm", 0.1)
    for i = 1, 6 do curls[i] = request(lab, GOROUTINE) end -- more than there are pool threads
    for _, path in ipairs { "heap", "threadcreate?debug=1" } do
      lab:in_time(0.5, path, function() return lab:get("/debug/pprof/" .. path) end, 3)
    end
    local waiting = 0
    for _, curl in ipairs(curls) do waiting = waiting + (curl:alive() and 1 or 0) end
    local is_busy = not lab:has_served(served + 1) -- the client may not have ended yet
    if is_busy then t.equal(waiting, 6, "answered too early") end
    t.equal(hog:wait(), 0)
    served = served + 1
    return is_busy
  end, function(is_busy) return is_busy end, 1.5)
  curls[1]:signal("KILL")
  for i = 2, 6 do t.equal(curls[i]:wait(), 0) end
  t.equal(lab:stop(), 0)
end)

-- ---- numbers -------------------------------------------------------------------

local function of_index(lab)
  local pattern = "<td>(%d+)</td><td><a href='goroutine%?debug=1'>"
  return tonumber(t.match(lab:get("/debug/pprof/").body, pattern))
end

local function of_profile(lab)
  return tonumber(t.match(lab:get(GOROUTINE .. "?debug=1").body, "^goroutine profile: total (%d+)\n"))
end

local function of_status(lab, name)
  return tonumber(t.match(lab:get("/status").body, '"' .. name .. '": (%d+)'))
end

-- go_goroutines, and the sum of diaglab_tasks.
local function of_metrics(lab)
  local text, sum = lab:get("/metrics").body, 0
  for n in text:gmatch("\ndiaglab_tasks{[^}]*} (%d+)") do sum = sum + tonumber(n) end
  return tonumber(t.match(text, "\ngo_goroutines (%d+)\n")), sum
end

-- As Go hides those of its runtime. Two tasks of the lab's look after a request that
-- a step leaves: one from time to time, and one that another waits for.
t.test("the lab's own tasks are in no number and in no profile of tasks", function()
  local dir = t.temp_dir()
  attacks.write_scenario(dir, 45, "brief", "return { request = function() lab.sleep(0.9) end }")
  local lab, client, wall, file, text, numbers
  t.eventually(function() -- a busy machine may be too slow to see it
    file = t.temp_file()
    lab = t.start_with({ dir, table.unpack(scenarios) }, "--step", "45")
    client = t.spawn("curl -s " .. lab.url .. "/")
    lab:wait_log("Starting processing")
    wall = t.spawn(t.command { "curl", "-sS", "-o", file, lab.url .. "/debug/pprof/wall?seconds=2" })
    lab:wait_profiler(wall)
    t.equal(lab:go_to(0).status, 200)
    text = dump(lab)
    numbers = { of_index(lab), of_profile(lab), of_status(lab, "total"), of_metrics(lab) }
    return not lab:has_served(1) -- the client may not have ended yet
  end)
  t.equal(table.concat(numbers, " "), "1 1 1 1 1", "index, profile, status, two metrics")
  t.equal(count(text, "goroutine "), 1)
  t.has(text, "brief.request")
  t.equal(client:wait(), 0)
  local took, unit = t.match(lab:log(), "Request processed in ([%d.]+)(m?s)\n")
  t.check(tonumber(took) * (unit == "ms" and 1 or 1000) >= 900, "the request was not cut short")
  t.equal(wall:wait(), 0)
  local asleep = 0
  for _, sample in ipairs(t.pprof.raw(file).samples) do
    local state, functions = sample.labels.state[1], names(sample)
    if functions:find("brief.request", 1, true) then
      asleep = asleep + (state == "sleep" and sample.values[2] or 0)
    else
      t.equal(state, "running", functions)
    end
  end
  t.check(asleep > 0, "the request is in the wall profile")
  t.equal(lab:stop(), 0)
end)

-- The switch calls what is the step's, and then it is shown.
t.test("a switch is a task while the step's functions are on its stack", function()
  local dir = t.temp_dir()
  attacks.write_scenario(dir, 45, "slow", [[
local gate = lab.channel()
return { enter = function() lab.go(function() lab.sleep(0.3) gate:send(true) end) gate:recv() end,
  request = function() end }]])
  local lab = t.start_with({ dir, table.unpack(scenarios) }, "--step", "0")
  local switch = request(lab, "/goto?step=45")
  local text
  t.eventually(function()
    text = dump(lab)
    return text:find("slow.enter", 1, true) or not switch:alive()
  end)
  t.has(text, "main.switchToStep")
  t.has(text, "slow.enter")
  t.equal(switch:wait(), 0)
  t.equal(dump(lab), "")
  t.equal(of_status(lab, "total"), 0)
  t.equal(lab:stop(), 0)
end)

t.test("the index counts requests that wait for the VM, as the profile does", function()
  local dir = t.temp_dir()
  attacks.write_scenario(dir, 45, "behind", [[
return {
  request = function(_, req) lab.spin(tonumber(req.query.seconds)) lab.sleep(1000) end,
  routes = { ["/behind"] = function() lab.sleep(1000) end },
}]])
  local lab, curls, index, begun
  t.enough(function(seconds)
    lab, curls = t.start_with({ dir }, "--step", "45"), {}
    curls[1] = request(lab, "/?seconds=" .. seconds)
    lab:work("vm", 0.1)
    for i = 2, 6 do curls[i] = request(lab, "/behind") end
    t.eventually(function() return of_status(lab, "in_flight") == 6 end)
    index, begun = of_index(lab), of_metrics(lab)
    return of_status(lab, "queued")
  end, function(queued) return queued == 5 end)
  t.equal(begun, 1, "those that the VM has begun")
  t.equal(of_profile(lab), 6) -- it waits for the VM
  t.equal(index, 6, "the index")
  t.equal(of_metrics(lab), 6)
  t.equal(of_index(lab), 6)
  for _, curl in ipairs(curls) do curl:signal("KILL") end
  t.equal(lab:end_in(2), 0)
end)

-- ---- threads ------------------------------------------------------------------

t.test("threadcreate: every thread, in forms that parse", function()
  local lab = start(0)
  local threads, top
  t.eventually(function() -- some are started when there is time
    threads = #t.names("/proc/" .. lab.pid .. "/task")
    top = t.pprof.top(lab.url .. "/debug/pprof/threadcreate")
    return top.total == threads
  end)
  t.check(top["lab_workers_new"].cum >= 2, "workers")
  t.equal(top["[main]"].flat, 1)
  local text = lab:get("/debug/pprof/threadcreate?debug=1").body
  t.equal(tonumber(text:match("^threadcreate profile: total (%d+)\n")), threads)
  t.equal(t.pprof.top(lab.url .. "/debug/pprof/threadcreate?debug=1").total, threads)
  t.equal(lab:stop(), 0)
end)

t.test("a lock's name may be as long as memory allows", function()
  local dir = t.temp_dir()
  t.run("mkdir -p " .. dir .. "/45-long")
  t.write(dir .. "/45-long/scenario.lua", [[
return { enter = function()
  local lock = lab.mutex(("x"):rep(1e8))
  lock:lock()
  for _ = 1, 100 do lab.go(lock.lock, lock) end
end, request = function() end }]])
  local lab = t.start_with({ dir }, "--step", "45")
  local text
  t.eventually(function()
    text = lab:in_time(1, GOROUTINE, function() return lab:get(GOROUTINE .. "?debug=2") end).body
    return count(text, "[sync.Mutex.Lock") == 100
  end)
  t.equal(count(text, '("' .. ("x"):rep(60) .. '" held by'), 100)
  t.equal(lab:stop(), 0)
end)

t.finish()
