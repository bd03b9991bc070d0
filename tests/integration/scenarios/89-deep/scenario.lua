-- SPDX-License-Identifier: MIT
-- 1,000 calls of `down`, and below them what each kind of profile shows.
local DEPTH = 1000
local gate, mutex, kept

local function down(n, f)
  if n == 1 then
    f()
    return 0
  end
  local r = down(n - 1, f)
  return r + 1
end

local function spin()
  local x = 0
  for i = 1, 20000000 do x = x + i % 7 end
  return x
end

local function wait() gate:recv() end

local function allocate() kept[#kept + 1] = ("x"):rep(4 << 20) end

local function lock()
  mutex:lock()
  lab.sleep(0.02)
  mutex:unlock()
end

local function parked() down(DEPTH, wait) end

local function locks() down(DEPTH, lock) end

return {
  enter = function()
    gate, mutex, kept = lab.channel(), lab.mutex(), {}
    lab.go(parked)
  end,
  request = function() return tostring(down(DEPTH, spin)) end,
  routes = {
    ["/shallow"] = function() return tostring(down(20, spin)) end,
    ["/memory"] = function()
      for _ = 1, 10 do down(DEPTH, allocate) end
      return "ok"
    end,
    ["/locks"] = function()
      local tasks = { lab.go(locks), lab.go(locks) }
      for _, task in ipairs(tasks) do task:join() end
      return "ok"
    end,
  },
  leave = function() gate:close() end,
}
