-- SPDX-License-Identifier: MIT
-- needs: processor
-- A program hangs in a C function, and somebody begins to look: what it was in
-- then is told from the beginning.
local t = require "harness"
local proto = require "proto"
local trace = require "trace"
t.need("curl", "go")

local scenarios = { t.source .. "/tests/integration/scenarios", t.source .. "/scenarios" }

-- Asks for PATH in a lab in whose C code a task is, for so many SECONDS of CPU
-- time; LOOK is called meanwhile. -> for how many seconds the task went on after
-- LOOK had returned
local function hang(lab, path, seconds, look)
  local sent = t.now()
  local request = t.spawn(("curl -sS -o /dev/null -w '%%{time_total}' '%s%s?seconds=%g'"):format(lab.url, path,
    seconds))
  lab:work("vm", 0.05)
  look()
  local looked = t.now()
  t.equal(request:wait(), 0)
  return sent + tonumber(request:out()) - looked
end

-- ---- wall ------------------------------------------------------------------------

-- Stopped meanwhile, the lab has time off the CPU on any machine. The task has to
-- run longer than the profile, but not until the lab gives up.
t.test("a wall profile has all of its time, on the CPU and off it", function()
  local lab = t.start_with(scenarios, "--step", "69")
  local file = t.temp_dir() .. "/wall"
  t.enough(function()
    local curl
    local left = hang(lab, "/hang", 1.2, function()
      curl = t.spawn(("curl -sSf -o %s '%s/debug/pprof/wall?seconds=1'"):format(file, lab.url))
      lab:wait_profiler(curl)
      lab:work("vm", 0.05) -- its time begins when all is set up
      lab:signal("STOP")
      t.sleep(0.5)
      lab:signal("CONT")
      t.sleep(0.5)
    end)
    return curl:wait() == 0 and left > 0.1
  end, function(fits) return fits end)
  local duration = proto.read(file).duration_nanos / 1e9
  local top = t.pprof.top(file, "-tagfocus=state=running", "-nodefraction=0")
  t.near(top["trace.keepTheThread"].cum / duration, 1, 0.02, "all of it")
  t.between(top["[running, off CPU]"].flat / duration, 0.4, 1, "off the CPU")
  t.equal(lab:stop(), 0)
end)

-- ---- traces ----------------------------------------------------------------------

-- A trace that is asked for while a task hangs, and two clients wait for it to end.
-- -> the file; seconds of CPU time that the task has used in it, at least; those
-- that have passed, at most
local function trace_of(lab, format)
  local file, seconds = t.temp_file(), 0.6
  local curl, asked, used = nil, nil, lab:thread_cpu("vm")
  hang(lab, "/hang", seconds, function()
    asked = t.now()
    curl = t.spawn(("curl -sSfN -o %s '%s/debug/pprof/trace?seconds=0.5%s'"):format(file, lab.url, format or ""))
    t.eventually(function() return #(t.read(file) or "") > 0 end)
    used = lab:thread_cpu("vm") - used
    for _ = 1, 2 do t.spawn(t.command { "curl", "-sS", lab.url .. "/said" }) end
    t.eventually(function() return lab:get("/status").body:find('"in_flight": 3', 1, true) end)
  end)
  local passed = t.now() - asked + 0.02
  t.equal(curl:wait(), 0)
  return file, seconds - used, passed
end

-- Where the first event of a JSON with this name is, and how long it lasts: us.
local function time_of(json, pid, name)
  for line in json:gmatch('{"ph":"[XB]","pid":' .. pid .. ',[^\n]*') do
    if line:find('"name":"' .. name .. '"', 1, true) then
      return tonumber(line:match('"ts":([%d.]+)')), tonumber(line:match('"dur":([%d.]+)'))
    end
  end
  error("no " .. name)
end

for _, flight in ipairs { "5s", "0" } do
  t.test("a trace has it from the beginning: --flight " .. flight, function()
    local lab = t.start_with(scenarios, "--step", "69", "--flight", flight)
    local file, used, passed = trace_of(lab, "&format=json")
    local json = t.read(file)
    local starts, lasts = time_of(json, 1, "main.routeHandler")
    t.between(lasts / 1e6, used, passed, "seconds that it hung")
    t.check(starts < lasts / 100, "its slice begins late: " .. starts)
    for _, name in ipairs { "GET /hang", "errand" } do
      local begins, takes = time_of(json, 2, name)
      t.check(begins < lasts / 100 and takes >= lasts, name .. " begins late or ends early")
    end
    t.check(time_of(json, 3, "in C") < lasts / 100, "its region begins late")
    t.has(json, '"name":"it hung"')
    local _, waiting = json:gsub('"name":"waited [%d.]+ s for the VM"', "")
    t.equal(waiting, 2, "requests that waited meanwhile")

    local plain = trace_of(lab)
    local n = trace.count(trace.events(plain))
    t.equal(n.UserTaskCreate, 2 + 2 * 2)
    t.equal(n.UserTaskEnd, n.UserTaskCreate)
    trace.accepted(plain, "go")
    for _, go in ipairs(trace.others()) do trace.accepted(plain, go) end
    t.equal(lab:stop(), 0)
  end)
end

t.test("a client that doesn't wait for the VM harms no later trace", function()
  local lab = t.start_with(scenarios, "--step", "69")
  hang(lab, "/hang", 0.6, function()
    t.run(("curl -sS -m 0.1 -o /dev/null '%s/debug/pprof/trace?seconds=5'"):format(lab.url))
    t.equal(lab:get("/debug/pprof/trace?seconds=1").status, 500, "the VM hasn't seen the first one")
  end)
  local file = trace_of(lab)
  trace.events(file)
  t.equal(lab:stop(), 0)
end)

t.finish()
