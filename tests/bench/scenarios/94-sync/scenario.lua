-- SPDX-License-Identifier: MIT
-- What tasks, channels and locks cost, in ns per operation: CPU time of the VM's
-- thread, or with wall=1 time that passes. peer.go has the same routes.

local function measure(n, f, clock)
  local began = clock()
  f(n)
  return ("%.3f"):format((clock() - began) / n * 1e9)
end

local parked_on

local function park(n)
  local c = lab.channel()
  parked_on = c
  local function wait() c:recv() end
  for _ = 1, n do lab.go(wait) end
  lab.sleep(0)
end

-- Ends the tasks that the last /park started.
local function unpark()
  parked_on:close()
  lab.sleep(0)
  return "0"
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

-- There and back, each wait with a time limit that isn't reached.
local function limited(n)
  local ping, pong = lab.channel(), lab.channel()
  lab.go(function()
    for v in ping:range() do pong:send(v, 100) end
  end)
  for i = 1, n do
    ping:send(i, 100)
    pong:recv(100)
  end
  ping:close()
end

local function profile(n)
  local p = lab.profile("bench.Things")
  for i = 1, n do
    p:add(i)
    p:remove(i)
  end
end

-- A byte there and back over TCP.
local function echo(n)
  local listener <close> = assert(lab.tcp.listen("127.0.0.1:0", { nodelay = true }))
  local near <close> = assert(lab.tcp.connect(listener:address(), { nodelay = true }))
  local far = assert(listener:accept())
  lab.go(function()
    repeat
      local byte = far:read(1)
    until not byte or not far:write(byte)
  end)
  for _ = 1, n do
    near:write("x")
    near:read(1)
  end
end

local function route(f)
  return function(_, req)
    return measure(math.tointeger(req.query.n), f, req.query.wall and lab.now or lab.cpu_time)
  end
end

return {
  title = "Tasks that wait for each other",
  request = function() end,
  routes = {
    ["/park"] = route(park), ["/unpark"] = unpark, ["/spawn"] = route(spawn),
    ["/pingpong"] = route(pingpong), ["/mutex"] = route(mutex), ["/limited"] = route(limited),
    ["/profile"] = route(profile), ["/echo"] = route(echo),
  },
}
