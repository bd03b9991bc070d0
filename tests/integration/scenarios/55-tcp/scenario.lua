-- SPDX-License-Identifier: MIT
-- For tests/integration/test_tcp.lua: sockets from a scenario's point of view. Some
-- routes try a part of the library and answer "ok", or fail with what they found;
-- others leave something to look at.
local checks = lab.include "checks"
local equal, fails = checks.equal, checks.fails

-- A listener, and both ends of N connections to it. OPTIONS: of the listener.
local function pairs_of(n, options)
  local listener = assert(lab.tcp.listen("127.0.0.1:0", options))
  local nodelay = options and options.nodelay
  local near, far = {}, {}
  for i = 1, n do
    near[i] = assert(lab.tcp.connect(listener:address(), { nodelay = nodelay }))
    far[i] = assert(listener:accept())
  end
  return near, far, listener
end

local function pair(options)
  local near, far, listener = pairs_of(1, options)
  return near[1], far[1], listener
end

-- All that comes until the peer sends no more.
local function read_all(socket)
  local parts = {}
  while true do
    local part, message, code = socket:read(1 << 30)
    if not part then
      equal(message, "EOF", "the end")
      equal(code, 0, "the end")
      return table.concat(parts)
    end
    equal(#part <= 65536, true, "64 KiB at once")
    parts[#parts + 1] = part
  end
end

-- Tasks that were started before run first.
local function settle() lab.sleep(0) end

local routes = {}

routes["/echo"] = function()
  local near, far, listener = pair()
  equal(near:remote_address(), listener:address(), "address of the peer")
  equal(near:local_address(), far:remote_address(), "both ends")
  equal(far:local_address(), listener:address(), "address of an accepted one")
  equal(tostring(near), ("Socket (%s->%s)"):format(near:local_address(), near:remote_address()))
  equal(tostring(listener), ("Listener (%s)"):format(listener:address()))
  equal(near:write("hello"), 5, "write")
  equal(far:read(2), "he", "two bytes")
  equal(far:read(100), "llo", "what is there")
  equal(far:write(""), 0, "nothing")
  equal(far:write(12), 2, "a number")
  equal(near:read(10), "12", "a number")
  equal(near:set_nodelay(true), true, "nodelay")
  equal(near:set_nodelay(false), true, "nodelay")
  equal(near:shutdown(), true, "shutdown")
  fails("EOF", 0, far:read(1))
  fails("EOF", 0, far:read(1))
  equal(far:write("still"), 5, "the other direction")
  equal(near:read(9), "still", "the other direction")
  local ends = near:local_address() .. "->" .. near:remote_address()
  fails("write tcp " .. ends .. ": broken pipe", 32, near:write("x"))
  equal(near:close(), true, "close")
  for name, arguments in pairs { read = { 1 }, write = { "x" }, shutdown = {}, close = {}, set_nodelay = { true } } do
    local verb = name == "set_nodelay" and "set" or name
    fails(verb .. " tcp " .. ends .. ": use of closed network connection", 9, near[name](near, table.unpack(arguments)))
  end
  equal(near:remote_address(), listener:address(), "after its end")
  equal(tostring(near), ("Socket (%s, closed)"):format(ends))
  equal(listener:close(), true, "close")
  fails("close tcp " .. listener:address() .. ": use of closed network connection", 9, listener:close())
  fails("accept tcp " .. listener:address() .. ": use of closed network connection", 9, listener:accept())
  fails(("dial tcp %s: connect: connection refused"):format(listener:address()), 111,
    lab.tcp.connect(listener:address()))
  return "ok"
end

routes["/ip6"] = function()
  local listener = assert(lab.tcp.listen("[::1]:0"))
  local near = assert(lab.tcp.connect(listener:address()))
  local far = assert(listener:accept())
  equal(far:remote_address(), near:local_address(), "both ends")
  equal(near:local_address():match("^%[::1%]:%d+$") ~= nil, true, near:local_address())
  return "ok"
end

routes["/errors"] = function()
  local near, _, listener = pair()
  local function raises(part, f, ...)
    local ok, message = pcall(f, ...)
    equal(ok, false, part)
    checks.has(message, part)
  end
  for verb, f in pairs { dial = lab.tcp.connect, listen = lab.tcp.listen } do
    fails(verb .. " tcp nowhere: address must be like 127.0.0.1:8080", 22, f("nowhere"))
    fails("address must be like 127.0.0.1:8080", 22, f("a.host:80"))
    fails("the port must be a number from 0 to 65535", 22, f("127.0.0.1:x"))
    fails("the port must be a number from 0 to 65535", 22, f(":65536"))
    for _, address in ipairs { "0.0.0.0:80", "10.1.2.3:80", "[::]:80", "[::2]:80", "8.8.8.8:53" } do
      fails(verb .. " tcp " .. address .. ": only loopback addresses are possible", 13, f(address))
    end
    raises("zero byte", f, "127.0.0.1:0\0")
    raises("too long", f, ("1"):rep(70) .. ":80")
    raises("string expected", f)
    raises("table expected", f, "127.0.0.1:0", 5)
    raises("nodelay must be true or false", f, "127.0.0.1:0", { nodelay = 1 })
  end
  raises("did you mean 'timeout'?", lab.tcp.connect, ":1", { timeuot = 1 })
  raises("did you mean 'backlog'?", lab.tcp.listen, ":0", { baklog = 1 })
  for _, n in ipairs { 0, -1, 65536, 1.5, "x", {} } do
    raises("backlog must be a whole number", lab.tcp.listen, ":0", { backlog = n })
  end
  raises("timeout must be a number", lab.tcp.connect, ":1", { timeout = "x" })
  for _, seconds in ipairs { -1, 0 / 0 } do
    raises("must not be negative", lab.tcp.connect, ":1", { timeout = seconds })
    raises("must not be negative", near.read, near, 1, seconds)
    raises("must not be negative", near.write, near, "x", seconds)
    raises("must not be negative", listener.accept, listener, seconds)
  end
  for _, n in ipairs { 0, -1, (1 << 30) + 1, math.mininteger } do raises("1 to 2^30", near.read, near, n) end
  raises("number expected", near.read, near)
  raises("string expected", near.write, near, {})
  raises("boolean expected", near.set_nodelay, near, 1)
  raises("lab.Socket expected", near.read, listener, 1)
  raises("lab.Listener expected", listener.accept, near)
  raises("did you mean 'read'?", function() return near.raed end)
  raises("did you mean 'connect'?", function() return lab.tcp.conect end)
  raises("can't read here", table.sort, { 1, 2 }, function() return near:read(1) end)
  raises("can't accept here", table.sort, { 1, 2 }, function() return listener:accept() end)
  fails("address already in use", 98, lab.tcp.listen(listener:address()))
  return "ok"
end

routes["/large"] = function()
  local near, far = pair()
  local block = {}
  for i = 1, 64 do block[i] = string.char(64 + i):rep(1 << 17) end
  local text = table.concat(block) -- 8 MiB, more than the kernel keeps
  local writer = lab.go(function()
    local n = assert(near:write(text))
    near:shutdown()
    return n
  end)
  equal(read_all(far) == text, true, "8 MiB")
  equal(select(2, writer:join()), #text, "all of it")
  return "ok"
end

-- Several tasks at one end: nobody's bytes are torn apart, and who came first is first.
routes["/order"] = function()
  local near, far = pair()
  local size, writers, came = 3 << 20, {}, {}
  for i = 1, 4 do
    local text = string.char(64 + i):rep(size)
    writers[i] = lab.go(function()
      came[#came + 1] = text:sub(1, 1)
      return near:write(text)
    end)
    settle() -- it may have lost its turn before it writes
  end
  local seen = {}
  for _ = 1, 4 do
    local text = ""
    while #text < size do text = text .. assert(far:read(size - #text)) end
    equal(text, text:sub(1, 1):rep(size), "one writer's bytes")
    seen[#seen + 1] = text:sub(1, 1)
  end
  equal(table.concat(seen), table.concat(came), "in the order in which they came")
  for _, writer in ipairs(writers) do equal(select(2, writer:join()), size, "all of it") end

  local got, readers = {}, {}
  came = {}
  for i = 1, 5 do
    readers[i] = lab.go(function()
      came[#came + 1] = i
      got[i] = far:read(1)
    end)
    settle()
  end
  equal(#came, 5, "all of them read")
  readers[table.remove(came, 2)]:cancel()
  near:write("abcd")
  for _, reader in ipairs(readers) do reader:join() end
  for place, i in ipairs(came) do equal(got[i], ("abcd"):sub(place, place), "reader") end
  return "ok"
end

routes["/timeouts"] = function()
  local near, far, listener = pair { backlog = 1 }
  fails("i/o timeout", 110, near:read(1, 0))
  fails(("read tcp %s->%s: i/o timeout"):format(near:local_address(), near:remote_address()), 110, near:read(1, 0.002))
  fails(("accept tcp %s: i/o timeout"):format(listener:address()), 110, listener:accept(0))
  fails("i/o timeout", 110, listener:accept(0.002))
  far:write("x")
  equal(near:read(1, 100), "x", "in time")
  far:write("y")
  equal(near:read(1, 100), "y", "in time")

  local n, message, code, part = near:write(("z"):rep(64 << 20), 0.05)
  equal(n, nil, "a peer that doesn't read")
  checks.has(message, "i/o timeout")
  equal(code, 110, "errno")
  equal(part > 0 and part < 64 << 20, true, "a part was written")
  near:close()
  equal(#read_all(far), part, "that part has come")

  -- Who waits for its turn has its own time.
  near, far = pair()
  local first = lab.go(function() return near:read(1) end)
  settle()
  fails("i/o timeout", 110, near:read(1, 0))
  fails("i/o timeout", 110, near:read(1, 0.002))
  far:write("1")
  equal(select(2, first:join()), "1", "the first one")

  -- Nobody accepts: when the kernel keeps no more, it doesn't answer.
  local waiting = {}
  repeat
    local socket, why, errno = lab.tcp.connect(listener:address(), { timeout = 0.2 })
    waiting[#waiting + 1] = socket
    if not socket then
      fails(("dial tcp %s: i/o timeout"):format(listener:address()), 110, nil, why, errno)
    end
  until not socket
  equal(#waiting, 2, "a backlog of 1 is one more for Linux")
  return "ok"
end

routes["/cancel"] = function()
  local near, far, listener = pair { backlog = 1 }
  local full = lab.tcp.connect
  local function cancelled(f, ...)
    local task = lab.go(f, ...)
    settle()
    task:cancel()
    local ok, message = task:join()
    equal(ok, false, "it was cancelled")
    checks.has(message, "task cancelled")
  end
  cancelled(near.read, near, 10)
  far:write("abc")
  equal(near:read(10), "abc", "it took nothing")
  cancelled(listener.accept, listener)
  local other = assert(lab.tcp.connect(listener:address()))
  equal(assert(listener:accept()):remote_address(), other:local_address(), "nor a connection")
  cancelled(near.write, near, ("x"):rep(64 << 20))
  lab.go(function() while far:read(65536) do end end)
  equal(near:write("more"), 4, "the next one can write")
  while full(listener:address(), { timeout = 0.2 }) do end
  cancelled(full, listener:address())
  return "ok"
end

routes["/closed"] = function()
  local near, far, listener = pair()
  local function waiting(f, ...)
    local task = lab.go(f, ...)
    settle()
    return task
  end
  local tasks = {
    waiting(near.read, near, 1), waiting(near.read, near, 1), waiting(near.read, near, 1, 100),
    waiting(near.write, near, ("x"):rep(64 << 20)), waiting(near.write, near, "y"),
  }
  local accepting = { waiting(listener.accept, listener), waiting(listener.accept, listener) }
  near:close()
  for _, task in ipairs(tasks) do fails("use of closed network connection", 9, select(2, task:join())) end
  listener:close()
  for _, task in ipairs(accepting) do fails("use of closed network connection", 9, select(2, task:join())) end
  equal(#read_all(far) > 0, true, "what was written has come")
  return "ok"
end

-- A peer that closes what it hasn't read resets the connection.
routes["/reset"] = function()
  local near, far = pair()
  near:write("read, never read")
  far:read(4)
  far:close()
  fails("connection reset by peer", 104, near:read(1, 100))
  fails("broken pipe", 32, near:write("x"))
  local again, gone = pair()
  local reader = lab.go(function() return again:read(1) end)
  again:write("read, never read")
  gone:read(4)
  gone:close()
  fails("connection reset by peer", 104, select(2, reader:join()))
  return "ok"
end

routes["/collect"] = function()
  local near, far, listener = pair()
  local peer
  do
    local socket <close> = assert(lab.tcp.connect(listener:address()))
    peer = assert(listener:accept())
    equal(socket:write("x"), 1)
  end
  equal(read_all(peer), "x", "closed at the end of its block")
  local held = { near = near, listener = listener }
  near, listener = nil, nil -- luacheck: ignore
  held.near:write("last words")
  held.near = nil
  lab.gc()
  equal(read_all(far), "last words", "closed when it was collected")
  local address = held.listener:address()
  held.listener = nil
  lab.gc()
  fails("connection refused", 111, lab.tcp.connect(address))
  return "ok"
end

-- One that waits to be accepted waits until there is a descriptor for it.
routes["/descriptors"] = function()
  local near, far, listener = pairs_of(3) -- 7 of 9
  local one, two = assert(lab.tcp.connect(listener:address())), assert(lab.tcp.connect(listener:address()))
  fails("dial tcp " .. listener:address() .. ": socket: too many open files", 24, lab.tcp.connect(listener:address()))
  fails("listen tcp :0: too many open files", 24, lab.tcp.listen(":0"))
  fails("accept tcp " .. listener:address() .. ": too many open files", 24, listener:accept())
  near[1]:close()
  equal(assert(listener:accept()):remote_address(), one:local_address(), "the first one")
  fails("too many open files", 24, listener:accept(0))
  far[1]:close()
  equal(assert(listener:accept()):remote_address(), two:local_address(), "the second one")
  return "ok"
end

routes["/pool"] = lab.include "pool"

-- Milliseconds of a request of two small writes, as the middle of N.
local function ask_in_two_writes(options, n)
  local near, far = pair(options)
  lab.go(function()
    while true do
      local request = ""
      while #request < 8 do
        local part = far:read(8 - #request)
        if not part then return end
        request = request .. part
      end
      far:write("answer")
    end
  end)
  local times = {}
  for i = 1, n do
    local began = lab.now()
    near:write("head")
    near:write("body")
    assert(near:read(100))
    times[i] = lab.now() - began
  end
  near:close()
  table.sort(times)
  return times[(n + 1) // 2] * 1000
end

routes["/nagle"] = function()
  return ("%.3f %.3f"):format(ask_in_two_writes({ nodelay = false }, 31), ask_in_two_writes({ nodelay = true }, 31))
end

-- ---- what tests look at -----------------------------------------------------------

-- A server that serves CONNECTIONS clients and forgets to close; they close.
local kept = {}
local function serveClient(listener)
  local socket = assert(listener:accept())
  kept[#kept + 1] = socket
  while socket:read(100) do end
end

routes["/leak"] = function(_, req)
  local listener = assert(lab.tcp.listen("127.0.0.1:0"))
  for _ = 1, tonumber(req.query.n) do
    local client = assert(lab.tcp.connect(listener:address()))
    client:write("hello")
    client:shutdown()
    serveClient(listener)
    client:close()
  end
  kept[#kept + 1] = listener
  return (listener:address())
end

-- Tasks that wait in each kind of call.
local function readSlowly(socket) socket:read(1) end
local function writeMuch(socket) socket:write(("x"):rep(64 << 20)) end
local function acceptNobody(listener) listener:accept() end
local function connectInVain(address) lab.tcp.connect(address) end

-- A listener for which the kernel takes no more connections.
local function listen_in_vain()
  local full = assert(lab.tcp.listen("127.0.0.1:0", { backlog = 1 }))
  repeat
    local socket = lab.tcp.connect(full:address(), { timeout = 0.2 })
    kept[#kept + 1] = socket
  until not socket
  return full
end

routes["/park"] = function()
  local near, far, listener = pair()
  local full = listen_in_vain()
  lab.go(readSlowly, near)
  lab.go(writeMuch, near)
  lab.go(acceptNobody, listener)
  lab.go(connectInVain, full:address())
  kept[#kept + 1] = { near, far, listener, full }
  settle()
  return "parked"
end

-- A wait of each kind that ends; what it took, in ms.
routes["/known"] = function()
  local near, far, listener = pair()
  local full = listen_in_vain()
  local function timed(f, ...)
    local began = lab.now()
    f(...)
    return (lab.now() - began) * 1000
  end
  local function readLate() assert(near:read(1)) end
  local much = ("x"):rep(16 << 20)
  local function writeLate() assert(near:write(much)) end
  local function acceptNone() fails("i/o timeout", 110, listener:accept(0.1)) end
  local function connectLate() fails("i/o timeout", 110, lab.tcp.connect(full:address(), { timeout = 0.1 })) end
  local peer = lab.go(function()
    lab.sleep(0.1)
    far:write("x")
    lab.sleep(0.3)
    while far:read(65536) do end
  end)
  local read, write = timed(readLate), timed(writeLate)
  near:close()
  local joined = timed(peer.join, peer)
  return ("read=%g write=%g accept=%g connect=%g join=%g"):format(read, write, timed(acceptNone), timed(connectLate),
    joined)
end

-- Accepts whoever comes, and reads BYTES of what they say, now and then.
local accepted = 0
routes["/flooded"] = function(_, req)
  local listener, bytes = assert(lab.tcp.listen("127.0.0.1:0")), tonumber(req.query.bytes)
  lab.go(function()
    while true do
      local socket = assert(listener:accept())
      accepted = accepted + 1
      kept[#kept + 1] = socket
      lab.go(function()
        while bytes > 0 and socket:read(bytes) do lab.sleep(0.01) end
      end)
    end
  end)
  return (listener:address())
end

routes["/accepted"] = function() return tostring(accepted) end

-- What a careless step leaves behind.
routes["/left"] = function()
  local near, _, listener = pairs_of(10)
  local much = ("x"):rep(16 << 20)
  for i = 1, 10 do
    lab.go(function() near[i]:read(1) end)
    lab.go(function() near[i]:write(much) end)
    lab.go(function() listener:accept() end)
  end
  settle()
  return "left"
end

return {
  params = { fds = { 200, "descriptors" } },
  limits = { fds = "fds", memory = "300MB" },
  request = function() return "hello" end,
  routes = routes,
}
