-- SPDX-License-Identifier: MIT
-- Handles (Tasks, Files, Servers and so on) that outlive what they stand for, and
-- hostile arguments: errors, but no crash, nothing left behind. The generator finds
-- most in a build with AddressSanitizer. HOSTILE_CALLS is how many calls it makes.
local t = require "harness"
t.need("curl")

local scenarios = { t.source .. "/tests/integration/scenarios", t.source .. "/scenarios" }
local CALLS = tonumber(os.getenv("HOSTILE_CALLS") or 6000)
local BATCH = 1000

t.test("a handle that a finalizer has saved knows what became of its task", function()
  local lab = t.start_with(scenarios, "--step", "53")
  local answer = lab:get("/resurrect")
  t.match(answer.body, "^52 saved\n" .. ("cancelled: %S+ task cancelled\n"):rep(2) .. "50 ended of true\nexit 7$")
  t.equal(lab:leave().status, 200)
  t.equal(lab:stop(), 0)
end)

t.test("every function and every method, with hostile arguments", function()
  local lab = t.start_with(scenarios, "--step", "53")
  local first = math.tointeger(tonumber(os.getenv("HOSTILE_SEED") or os.time()))
  for seed = first, first + CALLS // BATCH - 1 do
    local answer = lab:get(("/fuzz?seed=%d&calls=%d"):format(seed, BATCH))
    if answer.status ~= 503 or not lab:alive() then -- a call may have interrupted its own request
      t.equal(answer.body, BATCH .. " calls", "HOSTILE_SEED=" .. seed)
    end
  end
  t.equal(lab:leave().status, 200)
  t.equal(lab:get("/").body, "hello world")
  t.eventually(function() return lab:get("/debug/pprof/goroutine?debug=1").body:find("total 0", 1, true) end)
  t.eventually(function()
    return t.run("pgrep -P " .. lab.pid).out == ""
  end)
  t.equal(lab:stop(), 0)
end)

t.finish()
