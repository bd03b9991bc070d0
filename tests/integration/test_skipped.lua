-- SPDX-License-Identifier: MIT
-- The CPU profiler skips signals for a while after one that took long, as where a
-- stack is very deep. Their time is that of the next sample, which may be one of
-- the next profile: there it would be too much.
local t = require "harness"
t.need("go", "curl")

local PROFILE = "/debug/pprof/profile?hz=2000&seconds="

-- CPU seconds of the stacks that have the function NAME.
local function time_of(file, name)
  local sum = 0
  for _, sample in ipairs(t.pprof.raw(file).samples) do
    local there = false
    for _, location in ipairs(sample.stack) do
      for _, frame in ipairs(location.frames) do there = there or frame.name == name end
    end
    if there then sum = sum + sample.values[2] / 1e9 end
  end
  return sum
end

-- A profile that ends while the stack is deep.
local function profile_deep(lab)
  local long = t.spawn(("curl -s '%s/deep?depth=180000&seconds=0.4'"):format(lab.url))
  local profile = t.spawn(("curl -s '%s%s600'"):format(lab.url, PROFILE))
  lab:wait_profiler()
  lab:work("vm", 0.2)
  profile:signal("KILL")
  t.equal(long:wait(60), 0, "curl")
  t.eventually(function() return not lab:has_thread("profiler") end)
end

t.test("a profile has nothing of the one before it", function()
  local lab = t.start_with({ t.source .. "/tests/integration/scenarios" }, "--step", "70")
  local file, too_much = t.temp_dir() .. "/profile", -math.huge
  for _ = 1, 4 do
    profile_deep(lab)
    local before = lab:thread_cpu("vm")
    local profile = t.spawn(("curl -sSf -o %s '%s%s1'"):format(file, lab.url, PROFILE))
    lab:wait_profiler(profile)
    t.equal(lab:get("/?seconds=0.05").status, 200)
    t.equal(profile:wait(60), 0, "curl")
    too_much = math.max(too_much, time_of(file, "cpu.arithmetic") - (lab:thread_cpu("vm") - before))
  end
  t.check(too_much < 0.002, too_much .. " CPU seconds more than there were")
  t.equal(lab:stop(), 0)
end)

t.finish()
