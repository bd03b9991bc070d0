-- SPDX-License-Identifier: MIT
-- A disk that is slow on purpose, and files on the VM's own thread: how long calls
-- take, who waits for them, and what profiles, traces and strace say.
local t = require "harness"
local trace = require "trace"
t.need("go", "curl")

local FILES = t.source .. "/tests/integration/scenarios"

local function start() return t.start_with({ FILES }, "--step", "49") end

local function ok(lab, path)
  local answer = lab:get(path)
  t.equal(answer.body, "ok", answer.status == 500 and lab:details(answer) or path)
end

-- Seconds that a route has measured.
local function seconds(lab, path)
  local answer = lab:get(path)
  t.equal(answer.status, 200, answer.status == 500 and lab:details(answer) or path)
  return tonumber(answer.body)
end

local function ask(lab, path)
  return t.spawn(("curl -sS -o /dev/null -w '%%{http_code}' '%s%s'"):format(lab.url, path))
end

-- Until a request is in flight whose task has the VM.
local function wait_running(lab)
  t.eventually(function()
    local status = lab:get("/status").body
    return status:find('"in_flight": 1', 1, true) and status:find('"running": 1', 1, true)
  end)
end

-- Seconds in a wall profile's samples of a STATE whose stacks have all the names.
local function time_of(raw, state, ...)
  local sum = 0
  for _, sample in ipairs(raw.samples) do
    local there = {}
    for _, location in ipairs(sample.stack) do
      for _, frame in ipairs(location.frames) do there[frame.name] = true end
    end
    local all = sample.labels.state and sample.labels.state[1] == state
    for _, name in ipairs { ... } do all = all and there[name] end
    if all then sum = sum + sample.values[2] / 1e9 end
  end
  return sum
end

local function wall(lab, duration)
  local file = t.temp_dir() .. "/wall"
  local answer = lab:get("/debug/pprof/wall?seconds=" .. duration)
  t.equal(answer.status, 200)
  t.write(file, answer.body)
  return t.pprof.raw(file)
end

for _, route in ipairs { "paths", "inline", "wrong", "cancel" } do
  t.test("slow disk: " .. route, function()
    local lab = start()
    for _ = 1, 2 do ok(lab, "/" .. route) end
    t.equal(lab:leave().status, 200)
    t.eventually(function() return lab:get("/metrics").body:find("\ndiaglab_step_open_fds 0\n") end)
    t.equal(lab:stop(), 0)
  end)
end

t.test("each sync and each read waits for the disk, and no write does", function()
  local lab = start()
  for inline = 0, 1 do
    for _, call in ipairs { "sync", "read" } do
      local path = ("/%s?n=20&inline=%d&latency="):format(call, inline)
      local slow, fast = seconds(lab, path .. "0.03"), seconds(lab, path .. "0")
      t.check(slow >= 20 * 0.03, call .. ": " .. slow)
      t.check(slow > fast, ("%s: %g s, and %g s without"):format(call, slow, fast))
    end
    local writing = seconds(lab, ("/write?n=200&inline=%d&latency=0.05"):format(inline))
    t.check(writing < 200 * 0.05, "write: " .. writing)
  end
  t.equal(lab:stop(), 0)
end)

-- ---- on workers ------------------------------------------------------------------

t.measured("wall, goroutine and traces: the caller waits for its system calls", function()
  local lab = start()
  ask(lab, "/save?latency=0.02")
  lab:wait_tasks("syscall", 1)
  local raw = wall(lab, 2)
  local waited = time_of(raw, "syscall", "lab.File.sync", "slow-disk.saveOrder")
  t.check(waited > 1, waited .. " s of 2")
  t.check(waited > 5 * time_of(raw, "syscall", "lab.File.write"), "sync waits, write doesn't")
  t.check(waited > 5 * time_of(raw, "running"), "nothing is computed")
  t.eventually(function()
    return lab:get("/debug/pprof/goroutine?debug=2").body:find(
      "%[syscall%]:\nlab%.File%.sync%(%.%.%.%)\n\t[^\n]*\nslow%-disk%.saveOrder%(%.%.%.%)\n")
  end)
  if not trace.converts() then -- its syscall profile would be wrong
    local file = t.temp_dir() .. "/trace.out"
    t.write(file, lab:get("/debug/pprof/trace?seconds=2").body)
    t.check(trace.profile(file, "syscall")("lab.File.sync") > 1000, "ms in the trace")
  end
  t.equal(lab:stop(), 0)
end)

t.test("others go on while a task waits for a worker", function()
  local lab = start()
  local sequence = ask(lab, "/sequence?n=20&latency=0.05")
  t.eventually(function() return lab:get("/events").body == "begin" end)
  t.equal(lab:get("/").body, "hello")
  t.equal(sequence:wait(), 0)
  t.equal(lab:get("/events").body, "begin request end")
  t.equal(lab:stop(), 0)
end)

-- ---- on the VM's thread ----------------------------------------------------------

t.test("inline: others wait for the VM meanwhile, and are runnable", function()
  local lab = start()
  local sequence = ask(lab, "/sequence?n=3&latency=0.4&inline=1") -- its slice of CPU time is enough for that
  wait_running(lab)
  local request = ask(lab, "/")
  t.equal(sequence:wait(), 0)
  t.equal(request:wait(), 0)
  -- The request may have come before the folder was there.
  local events = lab:get("/events").body
  t.check(events == "begin end request" or events == "request begin end", events)
  t.equal(lab:stop(), 0)
end)

local ENDS = { GoEnd = true, GoSched = true, GoPreempt = true, GoSleep = true, GoSysCall = true }

-- The longest time for which a task of a trace ran on the VM's thread, in ms.
local function longest_run(events)
  local began, longest = nil, 0
  for _, event in ipairs(events) do
    if event.p == 0 and event.type:find("^GoStart") then
      began = event.ts
    elseif event.p == 0 and began and (ENDS[event.type] or event.type:find("^GoBlock")) then
      longest, began = math.max(longest, (event.ts - began) / 1e6), nil
    end
  end
  return longest
end

-- Nobody wakes who waits here, so it isn't a wait: it is a task that runs for long.
t.test("inline: in a trace the task runs all the time, and no system call is shown", function()
  local lab = start()
  local took = {}
  for inline = 0, 1 do
    local path = "/sync?n=3&latency=0.2&inline=" .. inline
    local events = trace.events(trace.take(lab, 2, function() took[inline] = seconds(lab, path) * 1000 end))
    local n = trace.count(events)
    local longest = longest_run(events)
    if inline == 1 then
      t.equal(n.GoSysCall, 0, "calls on workers")
      t.between(longest, 600, took[1] + 1000, "ms in which the task ran")
    else
      t.check(n.GoSysCall >= 6, "three writes and three syncs on workers: " .. n.GoSysCall)
      t.check(longest < 200, "no task ran that long: " .. longest)
    end
  end
  t.equal(lab:stop(), 0)
end)

t.measured("inline: wall names the caller, and nobody who is innocent", function()
  local lab = start()
  ask(lab, "/save?latency=0.02&inline=1&compute=0.005&yield=1")
  for _ = 1, 3 do t.spawn("sh -c " .. t.quote(("while curl -s -o /dev/null %s/; do :; done"):format(lab.url))) end
  t.eventually(function() return lab:get("/status").body:find('"in_flight": [234]') end)
  local starved = lab:starved("vm")
  local raw = wall(lab, 3)
  starved = lab:starved("vm") - starved
  local off = "[running, off CPU]"
  local slept = time_of(raw, "running", off, "lab.File.sync", "slow-disk.saveOrder")
  local computing = time_of(raw, "running", off, "slow-disk.computeTotal")
  t.check(slept > 0.5, slept .. " s of 3 in sync")
  -- What other programs took from the VM's thread was taken wherever it was.
  t.check(computing < 0.3 + 1.2 * starved, ("%g s off the CPU where it computes, %g s in sync, %g s starved")
    :format(computing, slept, starved))
  local waited = time_of(raw, "runnable", "[runnable]", "main.helloWorldHandler")
  t.check(waited > 0.5, waited .. " s in which requests could have run")
  t.equal(time_of(raw, "syscall"), 0, "no worker does it")
  lab:signal("KILL")
end)

-- It uses little of its time slice, so it would keep the VM for minutes.
t.measured("inline: profiles don't wait for the end of a task that sleeps and sleeps", function()
  local lab = start()
  ask(lab, "/save?latency=0.02&inline=1")
  wait_running(lab)
  local slept = time_of(wall(lab, 2), "running", "lab.File.sync", "slow-disk.saveOrder")
  t.check(slept > 1, slept .. " s of 2 in sync")
  t.match(lab:get("/debug/pprof/goroutine?debug=2").body, "lab%.File%.sync%(%.%.%.%)\n\t[^\n]*\nslow%-disk%.saveOrder")
  t.equal(lab:leave().status, 200)
  t.equal(lab:go_to(49).status, 200)
  ask(lab, "/sync?n=1&latency=4&inline=1")
  wait_running(lab)
  slept = time_of(wall(lab, 1), "running", "lab.File.sync", "slow-disk.saveOrder")
  t.check(slept > 0.8, slept .. " s of 1 in a call that had begun before")
  t.equal(lab:stop(), 0)
end)

t.measured("inline: the CPU profile has the caller's line", function()
  local lab = start()
  local file = t.temp_dir() .. "/cpu"
  local archive = ask(lab, "/archive?seconds=300&inline=1")
  local top = t.enough(function(duration)
    t.write(file, lab:get("/debug/pprof/profile?seconds=" .. duration).body)
    return t.pprof.top(file)
  end, function(top) return top["slow-disk.saveArchive"] and top["slow-disk.saveArchive"].cum > 0.3 end)
  if not t.is_sanitized() then -- they deliver signals late
    t.check(top["lab_file_write"], "the primitive")
    t.check(top["slow-disk.saveArchive"].cum > 0.8 * top["lab_file_write"].cum, "who calls it")
  end
  t.equal(lab:leave().status, 200)
  t.equal(archive:wait(), 0)
  t.equal(lab:stop(), 0)
end)

for _, route in ipairs { "sync?n=1&latency=60&inline=1", "stubborn" } do
  t.test("inline: /status answers, and /goto ends it: " .. route, function()
    local lab = start()
    local request = ask(lab, "/" .. route)
    wait_running(lab)
    lab:in_time(0.1, "/status", function() return lab:get("/status") end, 3)
    t.equal(lab:in_time(1, "/goto", function() return lab:leave() end).status, 200)
    t.equal(request:wait(), 0)
    t.equal(lab:get("/").body, "hello world")
    t.equal(lab:go_to(49).status, 200)
    ask(lab, "/" .. route)
    wait_running(lab)
    t.equal(lab:end_in(2), 0)
  end)
end

-- ---- from outside ----------------------------------------------------------------

-- The thread of each fsync, and the sleep of 30 ms behind it.
local function trace_calls(lab, path)
  local strace = t.spawn(t.command { "strace", "-f", "-p", lab.pid, "-e", "trace=fsync,clock_nanosleep" })
  t.eventually(function() return strace:err():find("attached", 1, true) or not strace:alive() end)
  t.check(strace:alive(), "strace can't attach: " .. strace:err())
  seconds(lab, path)
  strace:signal("INT")
  strace:wait()
  local sleeps = {}
  for line in strace:err():gmatch("[^\n]+") do
    local tid, call, rest = line:match("^%[pid +(%d+)%] ([%w_]+)(.*)$")
    if call == "clock_nanosleep" and rest:find("tv_nsec=30000000", 1, true) then sleeps[#sleeps + 1] = tid end
    if call == "fsync" then sleeps[tid] = (sleeps[tid] or 0) + 1 end
  end
  return sleeps
end

t.test("strace shows the sleep of the thread that made the call", function()
  if not t.have("strace") then return print("  there is no strace") end
  if t.is_sanitized() then return print("  not with a sanitizer") end
  local lab = start()
  for inline, name in pairs { [0] = "worker-", [1] = "vm" } do
    local sleeps = trace_calls(lab, "/sync?n=5&latency=0.03&inline=" .. inline)
    t.equal(#sleeps, 5, "sleeps")
    for _, tid in ipairs(sleeps) do
      t.equal(t.read(("/proc/%d/task/%s/comm"):format(lab.pid, tid)):sub(1, #name), name, "whose")
      t.check(sleeps[tid], "the same thread's fsync")
    end
  end
  t.equal(lab:stop(), 0)
end)

t.finish()
