-- SPDX-License-Identifier: MIT
-- Child programs of scenarios: what starting them costs the lab, and what they
-- inherit.
local t = require "harness"
t.need("curl")

local function start()
  return t.start_with({ t.source .. "/tests/integration/scenarios" }, "--step", "57")
end

-- fork copies the page tables of the whole process, on the thread that calls it.
t.test("a child costs the control thread the same, however much memory there is", function()
  if t.is_sanitized() then return end
  local lab = start()
  lab:get("/?n=10")
  local function cost()
    local before = lab:thread_cpu("diaglab")
    t.equal(lab:get("/?n=100").body, "done")
    return lab:thread_cpu("diaglab") - before
  end
  local small = cost()
  t.equal(lab:get("/big").body, "300000000")
  local big = cost()
  print(("     control thread: %.3f s for 100 children, %.3f s beside 300 MB"):format(small, big))
  t.check(big < 0.2, ("%.3f s of CPU time for 100 children"):format(big))
  t.equal(lab:stop(), 0)
end)

-- The slowest answer beside a crowd of children, as a share of what all took.
local function slowest_share(lab)
  local all = t.spawn(("curl -s -w ' %%{time_total}' '%s/?n=900'"):format(lab.url))
  local slowest, n = 0, 0
  repeat
    slowest = math.max(slowest, lab:get("/status").seconds)
    n = n + 1
  until not all:alive()
  local seconds = tonumber(t.match(all:out(), "^done ([%d.]+)$"))
  print(("     the slowest of %d: %.3f s; all children: %.3f s"):format(n, slowest, seconds))
  return slowest / seconds
end

-- A busy machine makes any answer slow, so the crowd is large and there are more of
-- them; one who waits for a crowd waits for nearly all of it, each time.
t.test("/status answers while hundreds start", function()
  local lab = start()
  lab:get("/big")
  local least = math.huge
  for _ = 1, 4 do
    least = math.min(least, slowest_share(lab))
    if least < 1 / 2 then break end
  end
  t.check(least < 1 / 2, "/status waits for no crowd")
  t.equal(lab:stop(), 0)
end)

t.test("a child has descriptors 0 to 2, no blocked signal, and a session of its own", function()
  local lab = start()
  -- libraries open files of their own for a profile
  t.equal(lab:get("/debug/pprof/profile?seconds=1").status, 200)
  local file = t.temp_dir() .. "/self"
  t.equal(lab:get("/self?file=" .. file).body, "0")
  local text = t.read(file)
  local fds = {}
  for fd in text:match("^[%d\n]+"):gmatch("%d+") do
    if fd ~= "10" then fds[#fds + 1] = fd end -- where sh keeps what it has redirected
  end
  t.equal(table.concat(fds, " "), "0 1 2", "descriptors")
  t.match(text, "SigBlk:%s+0+\n")
  t.match(text, "SigIgn:%s+%x*0000000\n", "no signal below 29 is ignored")
  local pid, group, session = text:match("\n(%d+) %b() %a %d+ (%d+) (%d+)")
  t.equal(group, pid)
  t.equal(session, pid)
  t.equal(lab:stop(), 0)
end)

t.test("what a child has left running in its group ends with it", function()
  local lab = start()
  local file = t.temp_dir() .. "/pid"
  local answer = lab:get("/leave", "-G", "--data-urlencode", "script=sleep 1000 & echo $! >" .. file)
  t.equal(answer.body, "0")
  local pid = tonumber(t.read(file))
  t.eventually(function() return t.run("ps -o stat= -p " .. pid).out:match("^%s*Z?[^%a]*$") end)
  t.equal(lab:stop(), 0)
end)

-- The reference says so, because nothing of the kernel's that needs no rights ends it.
t.test("what begins a session of its own outlives its step, as the reference says", function()
  t.has(t.read(t.source .. "/lua/types/lab.lua"):gsub("\n%-%-%-", " "),
    "what it has started is killed, too, but for processes in a session of their own (setsid)")
  local lab = start()
  local file = t.temp_dir() .. "/pid"
  local script = ("setsid sh -c 'echo $$ >%s; exec sleep 1000' & until test -s %s; do sleep 0.01; done")
    :format(file, file)
  t.equal(lab:get("/leave", "-G", "--data-urlencode", "script=" .. script).body, "0")
  local pid = tonumber(t.read(file))
  t.equal(lab:leave().status, 200)
  t.match(t.run("ps -o stat= -p " .. pid).out, "^%s*S", "it lives")
  t.run("kill -KILL " .. pid)
  t.equal(lab:stop(), 0)
end)

t.finish()
