-- SPDX-License-Identifier: MIT
-- needs: processor, time
-- Execution traces: that go tool trace takes them and all its pages work, that
-- they tell the truth, and that nothing they are taken under harms them.
-- In the environment: TRACES, how many short ones in a row (20 in the long form);
-- TRACE_SEED, the seed of what they meet; TRACE_GO_VERSIONS, see trace.lua.
local t = require "harness"
local trace = require "trace"
t.need("curl", "go", "wrk")

local scenarios = { t.source .. "/tests/integration/scenarios", t.source .. "/scenarios" }
local MANY = tonumber(os.getenv("TRACES") or 20)
local SEED = tonumber(os.getenv("TRACE_SEED") or os.time())

local function start(...) return t.start_with(scenarios, ...) end

local take, take_once = trace.take, trace.take_once

t.test("headers, errors, and one at a time, as Go's", function()
  local lab = start("--step", "0")
  local answer = lab:get("/debug/pprof/trace?seconds=0.1")
  t.equal(answer.status, 200)
  t.equal(answer.headers["content-type"], "application/octet-stream")
  t.equal(answer.headers["content-disposition"], 'attachment; filename="trace"')
  t.equal(answer.headers["x-content-type-options"], "nosniff")
  t.equal(answer.body:sub(1, 16), "go 1.19 trace\0\0\0")
  for _, text in ipairs { "x", "-1", "0", "%200.1" } do
    t.equal(lab:get("/debug/pprof/trace?seconds=" .. text).status, 400, text)
  end
  local second
  take(lab, 1, function() second = lab:get("/debug/pprof/trace?seconds=1") end)
  t.equal(second.status, 500)
  t.equal(second.headers["x-go-pprof"], "1")
  t.equal(second.body, "Could not enable tracing: runtime error: tracing is already enabled\n")
  t.has(lab:get("/debug/pprof/").body, "<a href='trace?debug=1'>trace</a>")
  t.equal(lab:get("/debug/pprof/trace?seconds=1000").status, 400)
  t.equal(lab:stop(), 0)
end)

t.measured("known waits are in the profiles", function()
  local lab = start("--step", "69")
  local answer
  local file = take(lab, 3, function() answer = lab:get("/known") end)
  t.equal(answer.status, 200, answer.body)
  local ms = trace.measured(answer.body)
  local sync, syscall, sched = trace.profile(file, "sync"), trace.profile(file, "syscall"), trace.profile(file, "sched")
  trace.profile(file, "net")
  local function near(got, want, what) t.near(got, want, want * 0.05 + 1, what) end
  near(sync("trace.lockWait"), ms.lock, "ms in locks")
  near(sync("lab.Channel.send"), ms.send, "ms in sends")
  near(sync("lab.Channel.recv"), ms.receive, "ms in receives")
  near(sync("lab.select"), ms.select, "ms in select")
  local slept, back, since, ended = 0, 0, {}, {}
  for _, event in ipairs(trace.events(file)) do
    local g = tonumber(event.args.g)
    if event.type == "GoSysExit" then
      ended[g] = event.ts
    elseif event.type == "GoStart" and ended[g] then
      back = back + (event.ts - ended[g]) / 1e6
      ended[g] = nil
    elseif event.type == "GoSleep" then
      since[event.g] = event.ts
    elseif event.type == "GoUnblock" and since[g] then
      slept = slept + (event.ts - since[g]) / 1e6
      since[g] = nil
    end
  end
  near(slept, ms.sleep + ms.pause, "ms asleep")
  if not trace.converts() then
    -- The scenario goes on when the VM has its turn, which may be later.
    near(syscall("lab.burn") + back, ms.job, "ms in jobs, and until the task goes on")
    near(sched("trace.wakeAndSpin"), ms.ready, "ms of waiting for the processor")
  end
  t.equal(lab:stop(), 0)
end)

-- On a busy machine there are more: that requests have waited for the VM.
local function count_lines(events)
  local n = 0
  for _, event in ipairs(events) do
    if event.type == "UserLog" and event.args.message ~= "waited" then n = n + 1 end
  end
  return n
end

t.test("every request and every task, once", function()
  local lab = start("--step", "69")
  t.equal(lab:get("/garbage").status, 200)
  local file = take(lab, 3, function()
    t.equal(lab:get("/hold").status, 200) -- 32 MiB
    t.run(("curl -sS '%s/?[1-200]'"):format(lab.url))
    t.equal(lab:get("/said").status, 200)
    t.equal(lab:get("/garbage").status, 200)
  end)
  local events = trace.events(file)
  local n = trace.count(events)
  t.equal(n.UserTaskCreate, 204, "200 requests, three others, one lab.task")
  t.equal(n.UserTaskEnd, 204)
  t.equal(n.GoEnd, 403, "requests and the task that each of the 200 starts")
  t.equal(count_lines(events), 2, "the program's, and the number of the attempt")
  t.equal(n.UserRegion, 203 + 6)
  t.equal(n.GCStart, n.GCDone)
  t.check(n.GCStart > 0, "no collection")
  local last, goal
  for _, event in ipairs(events) do
    if event.type == "HeapAlloc" then last = tonumber(event.args.mem) end
    if event.type == "HeapGoal" then goal = tonumber(event.args.mem) end
  end
  local vars = lab:vars()
  t.near(last, vars("HeapAlloc"), vars("HeapAlloc") * 0.01, "the end of the heap's curve")
  t.near(goal, vars("NextGC"), vars("NextGC") * 0.01, "the last NextGC")
  local pages = trace.pages(file)
  t.has(pages["/usertasks"], "order")
  t.has(pages["/userregions"], "failing")
  t.equal(lab:stop(), 0)
end)

t.measured("known waits for the network", function()
  local lab = start("--step", "69")
  local answer
  local file = take(lab, 2, function() answer = lab:get("/net") end)
  t.equal(answer.status, 200, answer.body)
  local asked = trace.measured(answer.body).net
  t.check(asked >= 300, "three answers, each after 100 ms")
  t.between(trace.profile(file, "net")("lab.http.get"), 299, asked * 1.05 + 1, "ms of waiting for answers")
  t.equal(lab:stop(), 0)
end)

-- strace makes every read and write of the file take 100 ms: a disk of known
-- slowness.
local function slow_disk(lab, path)
  local strace = t.spawn(t.command { "strace", "-f", "-p", lab.pid, "-P", path, "-e", "trace=read,write",
    "-e", "inject=read,write:delay_exit=100000" })
  t.eventually(function() return strace:err():find("attached", 1, true) or not strace:alive() end)
  return strace
end

t.measured("known waits for files", function()
  local lab = start("--step", "69")
  if t.is_sanitized() then return print("  not with a sanitizer, whose end is not to be traced") end
  if trace.converts() then return print("  not with this Go, whose syscall profile is wrong") end
  local strace = slow_disk(lab, lab:get("/file").body)
  t.check(strace:alive(), "strace can't attach: " .. strace:err())
  local answer
  local file = take(lab, 2, function() answer = lab:get("/files") end)
  strace:signal("INT")
  strace:wait()
  t.equal(answer.status, 200, answer.body)
  local calls, ms = trace.profile(file, "syscall"), trace.measured(answer.body)
  for call, name in pairs { read = "lab.File.read", write = "lab.File.write" } do
    t.between(ms[call], 300, 600, "ms of 3 calls of 100 ms: " .. call)
    -- The script's own clock also counts how long it waits for a processor.
    t.between(calls(name), 300, ms[call] * 1.05, "ms in " .. name)
  end
  t.equal(lab:stop(), 0)
end)

-- Seconds in which a small request is answered while the trace begins.
local function begins(lab, work)
  local answer, file
  t.enough(function(seconds)
    local _, goes_on
    file, _, goes_on = take_once(lab, seconds, function()
      answer = lab:in_time(0.5, work, function() return lab:get("/debug/pprof/cmdline") end)
    end)
    return goes_on
  end, function(goes_on) return goes_on end, 0.3)
  t.equal(answer.status, 200)
  return file
end

-- The snapshot takes less than MS: it has the time of the first Gomaxprocs, and the
-- first HeapGoal is behind it. FILE: a trace; others may be tried, as the machine
-- may be busy.
local function check_snapshot(lab, file, ms)
  if trace.converts() then return end -- its metrics have other times
  local took
  for _ = 1, 10 do
    local began, ended
    for _, event in ipairs(trace.events(file)) do
      if event.type == "Gomaxprocs" then began = began or event.ts end
      if event.type == "HeapGoal" then ended = ended or event.ts end
    end
    took = (ended - began) / 1e6
    if took < ms then break end
    file = take(lab, 0.1)
  end
  t.between(took, 0, ms, "ms for the snapshot")
end

t.test("what was there before has its name", function()
  local lab = start("--step", "69", "--param", "69.tasks=3000")
  t.equal(lab:get("/park").status, 200)
  local burn = t.spawn(t.command { "curl", "-sS", lab.url .. "/burn" })
  lab:work("worker-", 0.05)
  local file = begins(lab, "workers in long jobs")
  local pages = trace.pages(file)
  t.match(pages["/goroutines"], trace.converts() and "trace%.parked</a></code></td>%s*<td>3000</td>"
    or "trace%.parked</a> N=3000")
  t.has(pages["/goroutines"], "[worker]")
  if not t.is_sanitized() then check_snapshot(lab, file, 5) end
  t.equal(burn:wait(), 0)
  local spin = t.spawn(t.command { "curl", "-sS", lab.url .. "/spin" })
  lab:work("vm", 0.05)
  trace.events(begins(lab, "the VM in C"))
  t.equal(spin:wait(), 0)
  t.equal(lab:stop(), 0)
end)

t.test("so have the user tasks and regions that a request is in", function()
  local lab = start()
  local file = t.enough(function(seconds)
    t.equal(lab:go_to(69).status, 200)
    local request = t.spawn(t.command { "curl", "-sS", lab.url .. "/within" })
    t.eventually(function() return lab:get("/debug/pprof/goroutine?debug=2").body:find("trace.parked", 1, true) end)
    return take_once(lab, seconds, function()
      t.equal(lab:get("/release").status, 200)
      t.equal(request:wait(), 0)
    end)
  end, function(_, whole) return whole end, 2)
  local n, parents = {}, {}
  for _, event in ipairs(trace.events(file)) do
    n[event.type] = (n[event.type] or 0) + 1
    if event.type == "UserTaskCreate" then parents[event.args.taskid] = event.args.pid end
  end
  t.equal(n.UserTaskCreate, 4, "the request, errand, parcel; and /release")
  t.equal(n.UserTaskEnd, 4)
  local depths = { 0, 0, 0 }
  for _, parent in pairs(parents) do
    local depth = 1
    while parents[parent] do depth, parent = depth + 1, parents[parent] end
    depths[depth] = depths[depth] + 1
  end
  t.equal(table.concat(depths, " "), "2 1 1", "user tasks of each depth")
  t.equal(n.UserRegion, 2 + 2, "two requests, which their ends end, and the counter")
  local types = trace.pages(file)["/usertasks"]
  for _, name in ipairs { "GET /within", "errand", "parcel" } do t.has(types, name) end
  t.equal(lab:stop(), 0)
end)

local function check_parked(tasks, ms)
  local lab = start("--step", "69", "--param", "69.tasks=" .. tasks)
  t.equal(lab:get("/park", "--max-time", "60").status, 200)
  local file = begins(lab, tasks .. " parked tasks")
  local n = trace.count(trace.events(file))
  t.check(n.GoCreate >= tasks, "tasks are missing")
  if not t.is_sanitized() then check_snapshot(lab, file, ms) end
  local whole
  t.enough(function(seconds)
    file, whole = take_once(lab, seconds, function() t.equal(lab:get("/release").status, 200) end)
    if not whole then t.equal(lab:get("/park", "--max-time", "60").status, 200) end
  end, function() return whole end, 2)
  t.equal(trace.count(trace.events(file)).GoEnd, tasks + 1)
  t.equal(lab:stop(), 0)
end

t.test("10,000 parked tasks", function() check_parked(10000, 20) end)
-- Fewer for a sanitizer, which is busy with them for minutes.
t.long("100,000 parked tasks", function() check_parked(t.is_sanitized() and 10000 or 100000, 100) end)

local function check_steps(steps)
  local others = trace.others()
  print("  further versions of Go: " .. (others[1] and table.concat(others, " ") or "none"))
  local lab = start("--step", "0")
  for _, step in ipairs(steps) do
    local switched = lab:go_to(step)
    if switched.status == 200 then
      local requests
      local file = take(lab, 1, function()
        requests = t.run(("curl -sS --max-time 0.5 '%s/?[1-5]'"):format(lab.url))
        t.equal(lab:get("/debug/pprof/heap?gc=1").status, 200, "a collection while no task runs")
      end)
      t.check(requests, "no requests")
      for _, kind in ipairs { "net", "sync", "syscall", "sched" } do trace.profile(file, kind) end
      trace.pages(file)
      for _, go in ipairs(others) do trace.accepted(file, go) end
    end
  end
  t.equal(lab:stop(), 0)
end

t.test("steps under load: every page, every profile", function() check_steps { 5 } end)
t.long("all steps under load: every page, every profile", function() check_steps { 0, 1, 2, 3, 4, 5, 6, 69 } end)

-- The trace event format, event by event: every B has its E, on its row; the
-- slices of a row lie in or beside each other; nothing lasts less than nothing.
-- -> counts by phase
local function check_json_events(text)
  local rows, open, n = {}, {}, {}
  for line in text:gmatch("\n({[^\n]*})") do
    local ph, row = line:match('^{"ph":"(%a)",("pid":%d+,"tid":%d+),')
    t.check(ph, line)
    n[ph] = (n[ph] or 0) + 1
    local ts, dur = tonumber(line:match('"ts":([%d.]+),')), tonumber(line:match('"dur":([%d.]+)'))
    t.check(ts or ph == "M", line)
    if ph == "X" then
      t.check(dur, line)
      rows[row] = rows[row] or {}
      table.insert(rows[row], { ts, ts + dur })
    elseif ph == "B" or ph == "E" then
      local of = open[row] or { last = 0 }
      open[row] = of
      t.check(ts >= of.last, "out of order: " .. line)
      of.last = ts
      if ph == "B" then of[#of + 1] = line else t.check(table.remove(of), "nothing begun: " .. line) end
    end
  end
  for row, of in pairs(open) do t.equal(#of, 0, row .. ": left open") end
  for row, slices in pairs(rows) do
    table.sort(slices, function(a, b) return a[1] < b[1] or (a[1] == b[1] and a[2] > b[2]) end)
    local within = {}
    for _, slice in ipairs(slices) do
      while #within > 0 and within[#within] <= slice[1] + 0.0015 do table.remove(within) end
      t.check(#within == 0 or slice[2] <= within[#within] + 0.0015, row .. ": slices overlap at " .. slice[1])
      within[#within + 1] = slice[2]
    end
  end
  return n
end

t.test("as JSON, the same events", function()
  local lab = start("--step", "69")
  local text = t.read(take(lab, 2, function()
    t.run(("curl -sS '%s/?[1-20]'"):format(lab.url))
    t.equal(lab:get("/said").status, 200)
    lab:get("/debug/pprof/profile?seconds=1")
  end, "&format=json"))
  local _, requests = text:gsub('"name":"GET /",', "")
  t.equal(requests, 20)
  local n = check_json_events(text)
  t.equal(n.B, 3)
  t.equal(n.E, 3)
  for _, part in ipairs { '"name":"said 42"', '"HeapAlloc":', '"name":"order"', '"then":"sleep"' } do
    t.has(text, part)
  end
  local checked = t.run("node -e 'JSON.parse(require(\"fs\").readFileSync(0))'", text)
  t.check(checked.code == 0 or checked.code == 127, checked.err)
  t.equal(lab:stop(), 0)
end)

t.test("regions and names that one could stumble over", function()
  local lab = start("--step", "69")
  local file = take(lab, 1, function() t.equal(lab:get("/odd").status, 200) end)
  local n = trace.count(trace.events(file))
  t.equal(n.UserTaskCreate, 9, "six odd ones, two others, the request")
  t.check(n.UserRegion > 2 * 100 + 6 * 5, "regions are missing")
  trace.pages(file)
  for _, go in ipairs(trace.others()) do trace.accepted(file, go) end
  file = take(lab, 1, function() t.equal(lab:get("/odd").status, 200) end, "&format=json")
  local text = t.read(file)
  t.check(utf8.len(text), "not UTF-8")
  check_json_events(text)
  t.equal(lab:stop(), 0)
end)

t.long("100,000 different names: memory stays bounded", function()
  local lab = start("--step", "69")
  t.equal(lab:get("/names").status, 200) -- what the heap wants for it
  local before, most = lab:rss(), 0
  local file = take(lab, t.is_sanitized() and 10 or 4, function()
    local names = t.spawn(t.command { "curl", "-sS", lab.url .. "/names" })
    while names:alive() do
      most = math.max(most, lab:rss())
      t.sleep(0.01)
    end
  end)
  if not t.is_sanitized() then t.between(most - before, 0, 16 << 20, "bytes") end
  t.check(trace.count(trace.events(file)).UserRegion >= 200000)
  t.equal(lab:stop(), 0)
end)

t.test("too many events: sealed early, valid, and it says so", function()
  local lab = start("--step", "0", "--trace-events", "5000")
  local file = t.enough(function(seconds)
    local one = take_once(lab, 3 * seconds, function() -- it ends before its time, so it isn't whole
      t.run(("wrk -t1 -c8 -d%ds %s/"):format(seconds, lab.url))
    end)
    return one, lab:log():find("the trace ends early", 1, true)
  end, function(_, is_early) return is_early end)
  local events = trace.events(file)
  t.between(trace.count(events).GoStart, 500, 1500)
  t.equal(count_lines(events), 2, "why it ends, and the number of the attempt")
  lab:wait_log("the trace ends early: it has the most events that are allowed")
  t.equal(lab:stop(), 0)
end)

-- wrk's as many as it can, or a request of each client each 2 ms.
local function check_short_ones(many, options)
  print("  TRACE_SEED=" .. SEED)
  math.randomseed(SEED)
  local steps = { 0, 4, 5, 69 }
  local lab = start("--step", "0", "--param", "4.rounds=1")
  local wrk = t.spawn(("wrk -t1 -c8 -d%ds --timeout 5s %s %s/"):format(10 * many + 60, options, lab.url))
  local dir = t.temp_dir()
  local whole, others = 0, trace.others()
  for i = 1, many do
    local file = dir .. "/trace.out"
    os.remove(file)
    local url = ("'%s/debug/pprof/trace?seconds=0.2'"):format(lab.url)
    if i % 5 == 3 then -- vanishes
      t.run("curl -sS -o /dev/null --max-time 0.1 " .. url)
      t.eventually(function() return lab:get("/debug/pprof/trace?seconds=0.01").status == 200 end)
    else
      local slow = i % 5 == 1 and "--limit-rate 500k --max-time 60 " or ""
      local curl = t.spawn(("curl -sS -f %s -o %s %s"):format(slow, file, url))
      lab:go_to(steps[math.random(#steps)])
      t.equal(curl:wait(90), 0, "curl's exit code")
      trace.events(file)
      for _, go in ipairs(others) do trace.parses(file, go) end
      whole = whole + 1
    end
  end
  t.check(whole >= many // 2, "too few were looked at")
  wrk:signal("TERM")
  wrk:wait()
  t.equal(lab:stop(), 0)
end

local MANY_ONES = "short ones, readers slow and vanishing, steps switching"
t.test(MANY_ONES, function()
  local pace = t.temp_file()
  t.write(pace, "function delay() return 2 end\n")
  check_short_ones(5, "-s " .. pace)
end)
t.long("many " .. MANY_ONES, function() check_short_ones(MANY, "") end)

t.test("TERM ends a trace, which is whole", function()
  local lab = start("--step", "0")
  local file = take_once(lab, 600, function()
    lab:get("/")
    t.equal(lab:end_in(2.5), 0)
  end)
  trace.events(file)
end)

t.finish()
