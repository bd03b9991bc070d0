-- SPDX-License-Identifier: MIT
-- Tasks of which it is known whether anybody can wake them.
local kept = lab.channel()
local weak = setmetatable({}, { __mode = "v" })

local function wait(c) c:recv() end

local function dropped()
  for _ = 1, 10 do lab.go(wait, lab.channel()) end
end

local function reachable()
  for _ = 1, 7 do lab.go(wait, kept) end
end

-- The second waits for a channel that only the first, itself leaked, has.
local function chain()
  local a, b = lab.channel(), lab.channel()
  lab.go(function() a:recv() b:send(1) end)
  lab.go(wait, b)
end

-- A live one in place of the first: both will go on.
local function live_chain()
  local b = lab.channel()
  lab.go(function() kept:recv() b:send(1) end)
  lab.go(wait, b)
end

local function join()
  local task = lab.go(wait, lab.channel())
  lab.go(function() task:join() end)
end

-- The third waits for a channel that the first, which is alive, has, too.
local function select()
  local c = lab.channel()
  lab.go(function() lab.select { { c, "recv" }, { kept, "recv" } } end)
  lab.go(function() lab.select { { lab.channel(), "recv" }, { lab.channel(), "send", 1 } } end)
  lab.go(wait, c)
end

local function lock()
  local m = lab.mutex()
  lab.go(function() m:lock() end)
  lab.go(function() m:lock() end)
end

local function sleeper()
  local c = lab.channel()
  lab.go(wait, c)
  lab.go(function() lab.sleep(1000) c:send(1) end)
end

local function timer()
  local c = lab.channel()
  lab.go(wait, c)
  lab.after(1000, function() c:send(1) end)
end

local function weakly()
  weak[1] = lab.channel()
  lab.go(wait, weak[1])
end

local function many()
  local list = {}
  for i = 1, 1000000 do list[i] = {} end
  lab.go(function() lab.sleep(1000) return list end)
end

local function route(f)
  return function()
    f()
    lab.sleep(0.05) -- they park
    return "ok\n"
  end
end

return {
  title = "Leaked tasks",
  request = function() end,
  routes = {
    ["/dropped"] = route(dropped), ["/reachable"] = route(reachable), ["/chain"] = route(chain),
    ["/live_chain"] = route(live_chain), ["/join"] = route(join), ["/select"] = route(select),
    ["/lock"] = route(lock), ["/sleeper"] = route(sleeper), ["/timer"] = route(timer),
    ["/weakly"] = route(weakly), ["/many"] = route(many),
  },
}
