-- SPDX-License-Identifier: MIT
-- What tasks, channels and locks cost, in ns of CPU time of the VM's thread per
-- operation. peer.go has the same routes.

local function measure(n, f)
  local began = lab.cpu_time()
  f(n)
  return ("%.3f"):format((lab.cpu_time() - began) / n * 1e9)
end

local function park(n)
  local c = lab.channel()
  local function wait() c:recv() end
  for _ = 1, n do lab.go(wait) end
  lab.sleep(0)
end

local function spawn(n)
  local tasks = {}
  local function nothing() end
  for _ = 1, n // 100 do
    for i = 1, 100 do tasks[i] = lab.go(nothing) end
    for i = 1, 100 do tasks[i]:join() end
  end
end

local function pingpong(n)
  local ping, pong = lab.channel(), lab.channel()
  lab.go(function()
    for v in ping:range() do pong:send(v) end
  end)
  for i = 1, n do
    ping:send(i)
    pong:recv()
  end
  ping:close()
end

local function mutex(n)
  local m = lab.mutex()
  for _ = 1, n do
    m:lock()
    m:unlock()
  end
end

local function route(f)
  return function(_, req) return measure(math.tointeger(req.query.n), f) end
end

return {
  title = "Tasks that wait for each other",
  request = function() end,
  routes = {
    ["/park"] = route(park), ["/spawn"] = route(spawn),
    ["/pingpong"] = route(pingpong), ["/mutex"] = route(mutex),
  },
}
