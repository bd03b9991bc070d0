-- SPDX-License-Identifier: MIT
-- needs: processor
-- The flight recorder: what was there before anybody asked.
local t = require "harness"
local trace = require "trace"
t.need("curl", "go")

local scenarios = { t.source .. "/tests/integration/scenarios", t.source .. "/scenarios" }

local function start(...) return t.start_with(scenarios, "--step", "69", "--flight", ...) end

-- -> a file with the trace, the seconds of which it tells
local function take(lab, query)
  local file = t.temp_file()
  local answer = lab:get("/debug/pprof/trace?last=" .. query)
  t.equal(answer.status, 200, answer.body)
  t.write(file, answer.body)
  return file, tonumber(answer.headers["trace-seconds"])
end

t.test("waits, requests, regions and collections are found after the fact", function()
  local lab = start("60s")
  local answer = lab:get("/known")
  t.equal(answer.status, 200, answer.body)
  t.equal(lab:get("/said").status, 200)
  t.equal(lab:get("/garbage").status, 200)
  local ms = trace.measured(answer.body)
  t.sleep(0.5)
  local file, seconds = take(lab, "60s")
  t.between(seconds, 0.5, 60, "seconds")
  local n = trace.count(trace.events(file))
  t.equal(n.UserTaskCreate, n.UserTaskEnd)
  t.check(n.UserTaskEnd >= 4, "three requests, one lab.task")
  t.check(n.UserRegion >= 6, "regions are missing")
  t.check(n.UserLog >= 2, "the program's line is missing")
  t.check(n.GCStart > 0 and n.GCStart == n.GCDone, "collections are missing")
  local sync = trace.profile(file, "sync")
  t.near(sync("trace.lockWait"), ms.lock, ms.lock * 0.05 + 1, "ms in locks")
  t.near(sync("lab.Channel.send"), ms.send, ms.send * 0.05 + 1, "ms in sends")
  trace.pages(file)
  for _, go in ipairs(trace.others()) do trace.accepted(file, go) end
  local json = lab:get("/debug/pprof/trace?last=60s&format=json").body
  t.has(json, '"name":"GET /known"')
  t.has(json, '"name":"said 42"')
  -- A beginning in the midst of it.
  trace.events((take(lab, "600ms")))
  t.equal(lab:stop(), 0)
end)

t.test("what waits all the time is there, too; a small ring, and switches", function()
  local lab = start("1s,64KiB", "--param", "69.tasks=300")
  t.equal(lab:get("/park").status, 200)
  local parked = t.now()
  t.sleep(2)
  t.run(("curl -s '%s/?[1-3000]'"):format(lab.url))
  local file, seconds = take(lab, "30s")
  t.between(seconds, 0, t.now() - parked - 1, "seconds: the ring is too small for the time before")
  local n = trace.count(trace.events(file))
  t.check(n.GoCreate >= 300, "tasks are missing")
  trace.accepted(file, "go")
  for step = 0, 3 do
    t.equal(lab:go_to(step == 1 and 69 or step).status, 200)
    trace.events((take(lab, "1s")))
  end
  t.equal(lab:stop(), 0)
end)

t.test("regions and user tasks that are open all the time are there, too", function()
  local lab = start("1s,64KiB")
  t.equal(lab:get("/odd").status, 200)
  t.sleep(1.5) -- the ring forgets it
  t.run(("curl -s '%s/?[1-100]'"):format(lab.url))
  local file = take(lab, "1s")
  local n = trace.count(trace.events(file))
  t.check(n.UserRegion >= 2, "open regions are missing")
  local text = t.read(file)
  t.has(text, "never over")
  t.has(text, "open")
  t.check(not text:find("deep 7", 1, true), "a region that is over is there")
  trace.accepted(file, "go")
  t.equal(lab:stop(), 0)
end)

t.test("what is refused; a signal", function()
  local lab = start("5s")
  for query, status in pairs {
    ["last=x"] = 400, ["last="] = 400, ["last=0"] = 400, ["last=-1s"] = 400, ["last=601s"] = 400, ["last=nan"] = 400,
    ["last=0x5s"] = 400,
    ["last=1s&seconds=1"] = 400,
  } do
    t.equal(lab:get("/debug/pprof/trace?" .. query).status, status, query)
  end
  t.equal(lab:get("/said").status, 200)
  t.run("kill -s RTMIN " .. lab.pid)
  lab:wait_log("Wrote a trace of the last ")
  local file = t.match(lab:log(), "Wrote a trace of the last [%d.]+ seconds to (%S+)\n")
  trace.events(file)
  t.has(lab:get("/lab/").body, '<meta name=flight content="5">')
  os.remove(file)
  t.equal(lab:stop(), 0)
  lab = start("0")
  local answer = lab:get("/debug/pprof/trace?last=5s")
  t.equal(answer.status, 409)
  t.equal(answer.body, "the flight recorder is off: start the lab without --flight 0\n")
  t.check(not lab:get("/lab/").body:find("name=flight", 1, true), "the page has a link to nothing")
  t.equal(lab:stop(), 0)
end)

t.test("a trace meanwhile doesn't cut off the job of a worker", function()
  local lab = start("60s")
  local burn = t.spawn(t.command { "curl", "-sS", lab.url .. "/burn" })
  lab:work("worker-", 0.4)
  t.equal(lab:get("/debug/pprof/trace?seconds=0.1").status, 200)
  t.equal(burn:wait(), 0)
  local json = lab:get("/debug/pprof/trace?last=60s&format=json").body
  local job = tonumber(t.match(json, '"name":"lab%.burn","dur":([%d.]+)'))
  local request = tonumber(t.match(json, '"name":"GET /burn","dur":([%d.]+)'))
  t.near(job / request, 1, 0.15, "most of the request")
  t.equal(lab:stop(), 0)
end)

-- Of 200 open regions that share one long name the trace has 512 bytes each.
t.test("long names of open regions are cut before they are copied", function()
  local dir = t.temp_dir()
  t.run("mkdir -p " .. dir .. "/45-long")
  t.write(dir .. "/45-long/scenario.lua", [[
return { enter = function()
  local name = ("x"):rep(4 << 20)
  for _ = 1, 200 do lab.go(lab.region, name, lab.sleep, 60) end
end, request = function() end }]])
  local lab = t.start_with({ dir }, "--step", "45")
  local function peak() return tonumber(t.match(t.read(("/proc/%d/status"):format(lab.pid)), "VmHWM:%s+(%d+) kB")) end
  t.sleep(0.2)
  local before = peak()
  local file = take(lab, "1s")
  t.check(peak() < before + (200 << 10), "the names took memory")
  t.has(t.read(file), ("x"):rep(512))
  t.check(not t.read(file):find(("x"):rep(513), 1, true), "a name is too long")
  t.equal(lab:stop(), 0)
end)

-- The heap keeps its address space, so that of the process shrinks by what was recorded.
t.test("what is too old is given back, also while nothing happens", function()
  local lab = start("2s,64MiB")
  local function space() return tonumber(t.match(t.read(("/proc/%d/status"):format(lab.pid)), "VmSize:%s+(%d+) kB")) end
  t.run(("curl -s '%s/?[1-20000]'"):format(lab.url))
  local full = space()
  t.eventually(function() return space() < full - 100 end)
  t.equal(lab:stop(), 0)
end)

t.finish()
