-- SPDX-License-Identifier: MIT
-- Work that keeps the VM, in C or in Lua, and what waits for it meanwhile:
-- requests for /, tasks whose sleep is over, timers.
local list = {}

local function setTimers()
  lab.after(1000, print)
  lab.every(1000, print)
end

local function tick()
  local x = 0
  for i = 1, 1000 do x = x + i end
  return x
end

local function nap()
  lab.sleep(0.05)
  return tick()
end

return {
  enter = function() setTimers() end,
  request = function() return tostring(tick()) end,
  routes = {
    ["/fill"] = function()
      for i = 1, 1000000 do list[i] = i * 7919 % 1000003 end
      return "ok"
    end,
    ["/sort"] = function()
      lab.go(nap)
      lab.after(0.05, tick)
      lab.sleep(0.01) -- both sleep now
      table.sort(list)
      return "ok"
    end,
    ["/spin"] = function()
      local stop = lab.now() + 1
      while lab.now() < stop do tick() end
      return "ok"
    end,
  },
}
