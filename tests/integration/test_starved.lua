-- SPDX-License-Identifier: MIT
-- A machine so busy that the lab hardly runs: /goto waits for the VM's thread to
-- have had its chance, and doesn't send the student away.
local t = require "harness"
t.need("curl", "taskset", "renice")

local LOOP = "return { request = function() while true do end end }\n"

-- Two programs that never wait, on the processor CPU.
local function keep_busy(cpu)
  for _ = 1, 2 do t.spawn(("taskset -c %d sh -c 'while :; do :; done'"):format(cpu)) end
end

-- All threads of the program run on the processor CPU only, and give way.
local function starve(pid, cpu)
  t.run(("taskset -a -p -c %d %d"):format(cpu, pid))
  t.run(("renice -n 15 $(ls /proc/%d/task)"):format(pid))
end

t.test("a step that never ends is left, on a machine that hardly runs the lab", function()
  local dir = t.temp_dir()
  t.run(("mkdir %s/50-loop"):format(dir))
  t.write(dir .. "/50-loop/scenario.lua", LOOP)
  local lab = t.start("--scenarios", dir, "--step", "50")
  local cpu = math.tointeger(tonumber(t.run("taskset -c -p $$").out:match("(%d+)%s*$")))
  keep_busy(cpu)
  starve(lab.pid, cpu)
  for _ = 1, 4 do
    t.spawn(("curl -s -m 30 %s/"):format(lab.url))
    -- Beside further programs it may have to be told again.
    t.equal(lab:go_to(50).body, "switched to step 50")
  end
end)

t.finish()
