-- SPDX-License-Identifier: MIT
-- Functions that begin at one line. They spin; test_one_line.lua knows their
-- names and how often. `idle` and its like do nothing.
local unit, sum = 600000, 0

local function spin(n)
  for i = 1, n * unit do sum = sum + i % 7 end
end

local ops = { idle = function() return 1 end, costly = function() spin(6) sum = sum + 1 end }
local function once() spin(1) sum = sum + 1 end local function thrice() spin(3) sum = sum + 1 end
local mt = { __len = function() return 0 end, __index = function() spin(2) return 1 end,
  __add = function() spin(4) return 1 end, __sub = function() return 0 end }
local meta = setmetatable({}, mt)
local function outer() spin(1) local function inner() spin(5) sum = sum + 1 end inner() sum = sum + 1 end

local text = "return function() return 1 end, function() spin(2) return 1 end, function() spin(1) return 1 end"
local madeIdle, madeTwo, madeOne = load(text, "=made", "t", { spin = spin })()

local function everything()
  local n = ops.idle() + meta.field + (meta + 1) + (meta - 1) + #meta
  ops.costly()
  once()
  thrice()
  outer()
  return n + madeIdle() + madeTwo() + madeOne()
end

-- What waits and what allocates, for the other profiles.
local gate, mutex, kept
local function waits() gate:recv() end local function alsoWaits() gate:recv() end
local function locks() mutex:lock() lab.sleep(0.01) mutex:unlock() end local function idles() end
local function sleeps() lab.sleep(0.001) end local function alsoLocks() mutex:lock() mutex:unlock() end
local function less() kept[#kept + 1] = ("x"):rep(9) end local function much() kept[#kept + 1] = ("y"):rep(4 << 20) end

return {
  enter = function()
    gate, mutex, kept = lab.channel(), lab.mutex(), {}
    lab.go(waits)
    lab.go(alsoWaits)
    lab.go(alsoWaits)
  end,
  request = function()
    local n = 0
    for _ = 1, 20 do n = n + everything() end
    return tostring(n)
  end,
  routes = {
    ["/locks"] = function()
      local tasks = { lab.go(locks), lab.go(idles), lab.go(sleeps), lab.go(alsoLocks) }
      for _, task in ipairs(tasks) do task:join() end
      return "ok"
    end,
    ["/memory"] = function()
      for _ = 1, 5 do
        less()
        much()
      end
      return "ok"
    end,
  },
  leave = function() gate:close() end,
}
