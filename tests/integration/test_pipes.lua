-- SPDX-License-Identifier: MIT
-- Pipes to the children of scenarios, and children that stay zombies: what the
-- library does, what students see of it, and that everything comes back.
local t = require "harness"
local trace = require "trace"
t.need("curl", "go", "ps")

local FILES = t.source .. "/tests/integration/scenarios"

local function start() return t.start_with({ FILES }, "--step", "48") end

-- How many pipes the lab has.
local function pipes(lab)
  local _, n = t.run(("ls -l /proc/%d/fd"):format(lab.pid)).out:gsub(" %-> pipe:", "")
  return n
end

-- The states of its children: "S", or "Z" for <defunct>, one a child.
local function children(lab)
  return (t.run("ps -o stat=,args= --ppid " .. lab.pid).out:gsub("(%a)%S* +([^\n]*)\n", function(state, name)
    return state == "Z" and not name:find("<defunct>", 1, true) and "?" or state
  end))
end

local function ok(lab, path, want)
  local answer = lab:get(path)
  t.equal(answer.body, want or "ok", answer.status == 500 and lab:details(answer) or path)
end

for _, route in ipairs { "echo", "streams", "input", "broken", "head", "cancel", "close-meanwhile", "turns", "forget",
  "unparkable", "wrong", "collect-later" } do
  t.test("pipes: " .. route, function()
    local lab = start()
    local before = pipes(lab)
    for _ = 1, 3 do ok(lab, "/" .. route) end
    t.equal(lab:leave().status, 200)
    t.eventually(function() return pipes(lab) == before and children(lab) == "" end)
    t.eventually(function() return lab:get("/metrics").body:find("\ndiaglab_step_open_fds 0\n") end)
    t.equal(lab:stop(), 0)
  end)
end

t.test("pipes are descriptors of the step, and closed with it", function()
  local lab = start()
  local before = pipes(lab)
  t.equal(lab:go_to("48&fds=30").status, 200)
  ok(lab, "/keep?n=10", "10")
  t.equal(pipes(lab), before + 30)
  local profile = lab:get("/debug/pprof/lab.OpenFiles?debug=1").body
  t.has(profile, "lab.OpenFiles profile: total 30\n30 @ ", "one record")
  t.match(profile, "\n#[^\n]*lab%.spawn[^\n]*\n#[^\n]*pipes%.spawn[^\n]*48%-pipes/scenario%.lua:%d+\n")
  local answer = lab:get("/keep?n=1")
  t.equal(answer.status, 500)
  t.has(lab:details(answer), "pipe: too many open files")
  t.equal(pipes(lab), before + 30, "none of them is left open")
  t.has(lab:get("/metrics").body, "\ndiaglab_step_open_fds 30\n")
  t.equal(lab:go_to(48).status, 200)
  t.eventually(function() return pipes(lab) == before and children(lab) == "" end)
  lab:wait_log("step 48: 10 child programs were left behind and taken back")
  ok(lab, "/keep-ended?n=5", "5")
  t.equal(pipes(lab), before + 5)
  t.equal(lab:leave().status, 200)
  lab:wait_log("step 48: 5 pipes were left behind and taken back")
  t.eventually(function() return pipes(lab) == before end)
  t.has(lab:get("/debug/pprof/lab.OpenFiles?debug=1").body, "total 0\n")
  t.equal(lab:stop(), 0)
end)

t.test("a lab that ends leaves no child behind", function()
  local lab = start()
  ok(lab, "/keep?n=5", "5")
  ok(lab, "/zombies?n=5", "10")
  local pids = t.run("ps -o pid= --ppid " .. lab.pid).out:gsub("%s+", " ")
  t.equal(lab:stop(), 0)
  t.eventually(function()
    for state in t.run("ps -o stat= -p '" .. pids .. "'").out:gmatch("%S+") do
      if state:sub(1, 1) ~= "Z" then return false end
    end
    return true
  end)
end)

-- Who waits in which call.
local CALLERS = { read = "waitForAnswer", write = "waitForRoom", read_stderr = "waitForProblem", wait = "waitForEnd" }

t.test("tasks that wait for a child wait for IO, as goroutine and wall say", function()
  local lab = start()
  local waiting = t.spawn(("curl -sS '%s/wait'"):format(lab.url))
  lab:wait_tasks("IO wait", 4)
  local dump = lab:get("/debug/pprof/goroutine?debug=2").body
  local file = t.temp_dir() .. "/wall"
  t.write(file, lab:get("/debug/pprof/wall?seconds=1").body)
  local shown = {}
  for _, sample in ipairs(t.pprof.raw(file).samples) do
    for _, location in ipairs(sample.stack) do
      for _, frame in ipairs(location.frames) do
        shown[frame.name .. " " .. table.concat(sample.labels.state, " ")] = sample.values[2] / 1e9
      end
    end
  end
  for call, caller in pairs(CALLERS) do
    t.match(dump, ("%%[IO wait%%]:\nlab%%.Process%%.%s%%(%%.%%.%%.%%)\n\t[^\n]*\npipes%%.%s%%(%%.%%.%%.%%)\n"):format(
      call, caller))
    t.check((shown[("lab.Process.%s IO wait"):format(call)] or 0) > 0.9, call .. " in wall")
    t.check((shown[("pipes.%s IO wait"):format(caller)] or 0) > 0.9, caller .. " in wall")
  end
  t.equal(lab:get("/").body, "hello", "others go on")
  t.equal(lab:leave().status, 200)
  t.equal(waiting:wait(), 0)
  t.equal(lab:stop(), 0)
end)

t.measured("waits for a child are in a trace, and not in block", function()
  local lab = start()
  local known = trace.take_known(lab, 48)
  local ms = known.ms
  local measured = { read = ms.read, write = ms.write, read_stderr = ms.problem, wait = ms.ended }
  for call, caller in pairs(CALLERS) do
    -- The child's clock began before; who writes much also copies.
    trace.waits_in_net(known, "pipes." .. caller, 50, measured[call] + 0.01)
  end
  t.check(known.block["lab.Task.join"], "block has what is to be in it")
  t.equal(lab:stop(), 0)
end)

-- It writes 64 KiB, and waits from then on.
t.test("a child that writes without end takes no memory and no time", function()
  local lab = start()
  ok(lab, "/echo")
  local before = lab:rss()
  local pid = lab:get("/hold-yes?n=10").body
  local function cpu() return t.read("/proc/" .. pid .. "/stat"):match("%) %a" .. (" %S+"):rep(10) .. " (%d+ %d+)") end
  local last
  t.eventually(function()
    local now = cpu()
    local rests = now == last and t.run("ps -o stat= -p " .. pid).out:match("^S")
    last = now
    return rests
  end)
  t.check(lab:rss() - before < 10e6, "10 children that nobody reads")
  ok(lab, "/read-yes?bytes=200000000")
  local most = t.is_sanitized() and 1e9 or 64e6 -- who frees late
  t.check(lab:rss() - before < most, "200 MB from one that is read: " .. lab:rss() - before)
  t.equal(lab:leave().status, 200)
  t.eventually(function() return children(lab) == "" end)
  t.equal(lab:stop(), 0)
end)

t.test("zombies stay until somebody waits for them, or the step is left", function()
  local lab = start()
  ok(lab, "/zombies?n=20", "20")
  t.eventually(function() return children(lab) == ("Z"):rep(20) end)
  ok(lab, "/collect?n=5", "15")
  t.equal(children(lab), ("Z"):rep(15))
  local metrics = lab:get("/metrics").body
  for _, line in ipairs { "diaglab_step_open_fds 0", 'diaglab_children{state="running"} 0',
    'diaglab_children{state="zombie"} 15', "diaglab_children_started_total 20" } do
    t.has(metrics, "\n" .. line .. "\n")
  end
  t.equal(lab:go_to(48).status, 200)
  t.eventually(function() return children(lab) == "" end)
  lab:wait_log("step 48: 15 child programs were left behind and taken back")
  t.equal(lab:stop(), 0)
end)

t.test("there are 1000 zombies at most", function()
  local lab = start()
  ok(lab, "/zombies?n=1001", "exec true: resource temporarily unavailable 11")
  t.eventually(function() return children(lab) == ("Z"):rep(1000) end)
  ok(lab, "/collect?n=1", "999")
  ok(lab, "/zombies?n=1", "1000")
  ok(lab, "/echo")
  t.equal(lab:leave().status, 200)
  t.eventually(function() return children(lab) == "" end)
  t.equal(lab:go_to(48).status, 200)
  ok(lab, "/zombies?n=1", "1")
  t.equal(lab:stop(), 0)
end)

-- The slowest answer beside a crowd of children, as a share of what all took.
local function slowest_share(lab)
  local all = t.spawn(("curl -s -w ' %%{time_total}' '%s/crowd?n=500'"):format(lab.url))
  local slowest, n = 0, 0
  repeat
    slowest = math.max(slowest, lab:get("/status").seconds)
    n = n + 1
  until not all:alive()
  local seconds = tonumber(t.match(all:out(), "^done ([%d.]+)$"))
  print(("     the slowest of %d: %.3f s; all children: %.3f s"):format(n, slowest, seconds))
  return slowest / seconds
end

t.test("/status answers while 500 start and are listened to", function()
  local lab = start()
  t.equal(lab:go_to("48&fds=600").status, 200)
  local least = math.huge
  for _ = 1, 4 do
    least = math.min(least, slowest_share(lab))
    if least < 1 / 3 then break end
  end
  t.check(least < 1 / 3, "/status waits for no crowd")
  t.equal(lab:stop(), 0)
end)

t.finish()
