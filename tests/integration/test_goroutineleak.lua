-- SPDX-License-Identifier: MIT
-- The goroutineleak profile: exactly the tasks that nobody can wake.
local t = require "harness"
t.need("go", "curl")

local LEAK = "/debug/pprof/goroutineleak"
local scenarios = { t.source .. "/tests/integration/scenarios", t.source .. "/scenarios" }

local function leaked(lab)
  local answer = lab:get(LEAK .. "?debug=1")
  t.equal(answer.status, 200)
  return tonumber(answer.body:match("^goroutineleak profile: total (%d+)\n"))
end

t.test("exact counts, one kind after the other", function()
  local lab = t.start_with(scenarios, "--step", "59")
  t.equal(leaked(lab), 0)
  local total = 0
  for _, case in ipairs {
    { "dropped", 10 }, { "reachable", 0 }, { "chain", 2 }, { "live_chain", 0 }, { "join", 2 },
    { "select", 1 }, { "lock", 1 }, { "sleeper", 0 }, { "timer", 0 }, { "weakly", 1 }, { "many", 0 },
  } do
    t.equal(lab:get("/" .. case[1]).status, 200, case[1])
    total = total + case[2]
    t.equal(leaked(lab), total, case[1])
  end
  local text = lab:get(LEAK .. "?debug=2").body
  t.has(text, " [sync.Mutex.Lock]:\n")
  t.has(text, " [join]:\n")
  t.equal(t.pprof.top(lab.url .. LEAK).total, total)
  t.has(lab:get("/debug/pprof/").body, "goroutineleak?debug=1")
  t.equal(lab:stop(), 0)
end)

t.test("step 5: its channel can be reached until the step is left", function()
  local lab = t.start_with(scenarios, "--step", "5", "--param", "5.work=0.0001")
  t.equal(lab:get("/").status, 200)
  t.equal(leaked(lab), 0)
  t.equal(lab:stop(), 0)
end)

t.finish()
