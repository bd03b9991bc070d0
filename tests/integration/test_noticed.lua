-- SPDX-License-Identifier: MIT
-- What a task waits for is over while the VM computes, and the VM sees that late:
-- from then on the task was runnable, in a wall profile and in a trace.
local t = require "harness"
local attacks = require "attacks"
local trace = require "trace"
t.need("go", "curl")

-- Each answers with the milliseconds until the waiting task was back, and that the
-- VM was kept from it, or less, as the other task saw it.
local SCENARIO = [[
local function compute() lab.spin(0.6) end
local function waitForLock(mutex) mutex:lock(0.1) end
local function sleep() lab.sleep(0.1) end
local function work() lab.burn(0.02) end

local function beside(wait, ...)
  local began, arguments = lab.now(), { ... }
  local back, over
  local waiting = lab.go(function()
    wait(table.unpack(arguments))
    back = lab.now()
  end)
  lab.go(function() compute() over = lab.now() end):join()
  waiting:join()
  return ("total=%.3f late=%.3f"):format((back - began) * 1000, (over - began) * 1000)
end

return { title = "late", symptom = "s", request = function() end, routes = {
  ["/lock"] = function()
    local mutex = lab.mutex()
    mutex:lock()
    return beside(waitForLock, mutex)
  end,
  ["/sleep"] = function() return beside(sleep) end,
  ["/work"] = function() return beside(work) end,
} }
]]

local function start(...)
  local dir = t.temp_dir()
  attacks.write_scenario(dir, 50, "late", SCENARIO)
  return t.start_with({ dir }, "--step", "50", ...)
end

local function ask(lab, path)
  local answer = lab:get(path)
  t.equal(answer.status, 200, answer.body)
  return trace.measured(answer.body)
end

-- Seconds of a wall profile in STATE, below the function NAME.
local function wall_of(file, state, name)
  local top = t.pprof.top(file, "-tagfocus=state=" .. state, "-nodefraction=0", "-nodecount=10000")
  return top[name] and top[name].cum or 0
end

-- WAIT: what the trace says of it, in ms; and of the time until it ran again.
-- 100 ms, or what a worker takes for 20 ms of CPU time; on any machine that is a
-- small part of the 600 ms of CPU time that it was late.
local function check_shares(ms, wait, ready, least, what)
  t.between(wait / ms.total, least / ms.total, 0.5, what .. ": waiting")
  t.between((wait + ready) / ms.total, 0.9, 1.1, what .. ": waiting and ready")
end

local STATES = { lock = "sync.Mutex.Lock", sleep = "sleep", work = "syscall" }
local LEAST = { lock = 99.9, sleep = 99.9, work = 0 }
local NAMES = { lock = "late.waitForLock", sleep = "late.sleep", work = "late.work" }

for _, kind in ipairs { "lock", "sleep", "work" } do
  t.measured(kind .. ": a wall profile", function()
    local lab = start()
    local file, ms = t.temp_file(), nil
    t.enough(function(seconds)
      local began = t.now()
      local curl = t.spawn(("curl -sSf -o %s '%s/debug/pprof/wall?seconds=%d'"):format(file, lab.url, seconds))
      lab:wait_profiler(curl)
      t.sleep(0.2)
      ms = ask(lab, "/" .. kind)
      local fits = t.now() < began + seconds
      t.equal(curl:wait(), 0)
      return fits
    end, function(fits) return fits end, 2)
    local work = kind == "work" and wall_of(file, "running", NAMES.work) or 0
    check_shares(ms, (wall_of(file, STATES[kind], NAMES[kind]) + work) * 1000,
      wall_of(file, "runnable", NAMES[kind]) * 1000, LEAST[kind], kind)
    t.equal(lab:stop(), 0)
  end)
end

-- Of the goroutines that waited with an event of KIND: ms until they were
-- runnable, and from then until they ran, at most.
local function longest_of(events, kind)
  local since, ready, wait, late = {}, {}, 0, 0
  for _, event in ipairs(events) do
    local g = tonumber(event.args.g)
    if event.type == kind then
      since[event.g] = event.ts
    elseif (event.type == "GoUnblock" or event.type == "GoSysExit") and since[g] then
      ready[g], wait = event.ts, math.max(wait, (event.ts - since[g]) / 1e6)
      since[g] = nil
    elseif event.type == "GoStart" and ready[g] then
      late = math.max(late, (event.ts - ready[g]) / 1e6)
      ready[g] = nil
    end
  end
  return wait, late
end

local EVENTS = { lock = "GoBlockSync", sleep = "GoSleep", work = "GoSysCall" }
for _, form in ipairs { "seconds", "last" } do
  t.measured("a trace: " .. form, function()
    local lab = start("--flight", "60s")
    for kind, name in pairs(EVENTS) do
      local file, ms
      if form == "seconds" then
        file = trace.take(lab, 2, function() ms = ask(lab, "/" .. kind) end)
      else
        file, ms = t.temp_file(), ask(lab, "/" .. kind)
        t.write(file, lab:get(("/debug/pprof/trace?last=%gs"):format(ms.total / 1000 + 0.05)).body)
      end
      local wait, late = longest_of(trace.events(file), name)
      check_shares(ms, wait, late, LEAST[kind], kind)
      if kind == "lock" and not trace.converts() then
        t.near(trace.profile(file, "sync")(NAMES.lock), wait, 1 + wait * 0.02, "sync")
      end
      -- Go's `sched` names who has woken somebody, and leaves out who was in a system call.
      if kind ~= "work" and not trace.converts() then
        t.between(trace.profile(file, "sched")("[timer]") / ms.total, 0.5, 1, "sched: " .. kind)
      end
      trace.accepted(file, "go")
    end
    t.equal(lab:stop(), 0)
  end)
end

t.finish()
