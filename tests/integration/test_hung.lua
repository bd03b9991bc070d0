-- SPDX-License-Identifier: MIT
-- needs: processor
-- A program hangs in a C function, and somebody begins to look: what it was in
-- then is told from the beginning.
local t = require "harness"
local proto = require "proto"
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

t.finish()
