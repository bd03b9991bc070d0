-- SPDX-License-Identifier: MIT
-- Who is charged with what others wait for: the mutex profile names who keeps a
-- lock, the block profile who has to wait; and both tell the same time.
local t = require "harness"
t.need("go", "curl")

local scenarios = { t.source .. "/tests/integration/scenarios" }

-- Delays by the scenario's functions, and the sum of all.
local function delays(lab, kind)
  local of, sum = {}, 0
  for _, sample in ipairs(t.pprof.raw(lab.url .. "/debug/pprof/" .. kind).samples) do
    local seen = {}
    sum = sum + sample.values[2]
    for _, location in ipairs(sample.stack) do
      for _, frame in ipairs(location.frames) do
        local name = frame.name:match("^locks%.(%w+)$")
        if name and not seen[name] then of[name] = (of[name] or 0) + sample.values[2] end
        seen[name or 0] = true
      end
    end
  end
  return setmetatable(of, { __index = function() return 0 end }), sum
end

-- Both profiles after PATH, since the step was entered.
local function after(path)
  local lab = t.start_with(scenarios, "--step", "86")
  local answer = lab:get(path)
  t.equal(answer.status, 200, answer.body)
  local mutex, charged = delays(lab, "mutex")
  -- Joins are waits, too, but not for a lock.
  local block = delays(lab, "block")
  t.equal(lab:stop(), 0)
  return mutex, charged, block
end

t.measured("a mutex: who keeps it, not who is next", function()
  local mutex, charged, block = after("/mutex")
  t.check(mutex.updatePrice > 0.9 * charged, ("updatePrice: %g of %g"):format(mutex.updatePrice, charged))
  t.check(block.readPrice > 0.8 * charged, "readPrice is the victim")
  t.near(charged / (block.readPrice + block.updatePrice), 1, 0.02, "charged and waited")
end)

t.measured("a rwmutex: the reader that stays, not the last to go", function()
  local mutex, charged, block = after("/readers")
  t.check(mutex.readAll > 0.8 * charged, ("readAll: %g of %g"):format(mutex.readAll, charged))
  t.near(charged / (block.write + block.readLine + block.readAll), 1, 0.05, "charged and waited")
end)

t.measured("a rwmutex: a writer", function()
  local mutex, charged, block = after("/writer")
  t.check(mutex.writeAll > 0.9 * charged, ("writeAll: %g of %g"):format(mutex.writeAll, charged))
  t.check(block.writeAll < 0.5 * charged, "and its victims are others")
end)

t.measured("a rwmutex: two readers have equal parts", function()
  local mutex, charged, block = after("/half")
  t.near(mutex.readOne / mutex.readOther, 1, 0.15)
  t.near((mutex.readOne + mutex.readOther) / charged, 1, 0.02)
  t.near(charged / block.write, 1, 0.02)
end)

t.measured("those that are cancelled while they wait count", function()
  local mutex, charged, block = after("/cancelled")
  t.check(mutex.keepLong > 0.95 * charged, ("keepLong: %g of %g"):format(mutex.keepLong, charged))
  t.near(charged / block.readPrice, 1, 0.1, "charged and waited")
end)

t.finish()
