-- SPDX-License-Identifier: MIT
-- Network and processes from a scenario's point of view: each route tries a
-- part of the library and answers "ok", or fails with what it found.
local function equal(got, want, what)
  if got ~= want then error(("%s: got %s, wanted %s"):format(what, got, want), 2) end
end

local function has(text, part)
  if not text:find(part, 1, true) then error(text .. " has no " .. part, 2) end
end

-- What a failing call returned.
local function fails(message, code, ...)
  local n, first, text, number = select("#", ...), ...
  if n ~= 3 or first ~= nil then error("it should have failed", 2) end
  if not text:find(message, 1, true) then error(text .. " is not " .. message, 2) end
  if code then equal(number, code, text) end
end

local function echo(req)
  local text = ("%s %s %s %s"):format(req.method, req.path, req.raw_query, req.body)
  return text, 201, { ["X-Kind"] = "echo", ["X-Empty"] = "" }
end

local function url(server, path) return "http://" .. server:address() .. path end

local routes = {}

routes["/echo"] = function(_, req) return (echo(req)) end

routes["/get"] = function()
  local server = assert(lab.listen("127.0.0.1:0", echo))
  local answer = assert(lab.http.get(url(server, "/a/b?c=d#e")))
  equal(answer.status, 201, "status")
  equal(answer.body, "GET /a/b c=d ", "body")
  equal(answer.headers["x-kind"], "echo", "header")
  equal(answer.headers["x-empty"], "", "an empty header")
  answer = assert(lab.http.get(url(server, ""), { method = "POST", body = "hello", headers = { ["X-A"] = "1" } }))
  equal(answer.body, "POST /  hello", "a body sent")
  answer = assert(lab.http.get(url(server, "?x"), { method = "HEAD" }))
  equal(answer.body, "", "HEAD")
  answer = assert(lab.http.get(url(server, "/"), { method = "POST", body = ("b"):rep(60000) }))
  equal(#answer.body, 60000 + #"POST /  ", "a long body")
  equal(server:close(), true, "close")
  fails("close tcp " .. server:address() .. ": use of closed network connection", 9, server:close())
  fails(('GET "%s": dial tcp %s: connect: connection refused'):format(url(server, "/"), server:address()), 111,
    lab.http.get(url(server, "/")))
  return "ok"
end

routes["/errors"] = function()
  fails("unsupported protocol scheme", 22, lab.http.get("https://localhost/"))
  fails("invalid host", 22, lab.http.get("http:///x"))
  fails("invalid host", 22, lab.http.get("http://localhost:port/x"))
  fails("its port must be a number from 1 to 65535", 22, lab.http.get("http://127.0.0.1:72767/"))
  fails("its port must be a number from 1 to 65535", 22, lab.http.get("http://localhost:0/"))
  equal(pcall(lab.http.get, "http://localhost/\0x"), false, "a URL with a zero byte")
  equal(pcall(lab.http.get, "http://localhost/", { method = "GET\0x" }), false, "a method with a zero byte")
  equal(pcall(lab.listen, "127.0.0.1:0\0x", echo), false, "an address with a zero byte")
  for _, port in ipairs { "65536", "72767", "-1", "+80", " 80", "80 ", "", "8o", "0x50", "4294967296" } do
    fails("the port must be a number from 0 to 65535", 22, lab.listen("127.0.0.1:" .. port, echo))
  end
  fails("invalid control character", 22, lab.http.get("http://localhost/a b"))
  fails("dial tcp: lookup no-such-host.invalid", nil, lab.http.get("http://no-such-host.invalid/"))
  equal(pcall(lab.http.get, 5, 5), false, "options that are no table")
  equal(pcall(lab.http.get, "http://localhost/", { timeout = -1 }), false, "a negative timeout")
  equal(pcall(lab.http.get, "http://localhost/", { headers = { ["A\r\n"] = "x" } }), false, "a header that splits")
  equal(pcall(lab.http.get, "http://localhost/", { headers = { A = "x\r\nB: y" } }), false, "a value that splits")
  for _, name in ipairs { "Host", "content-length", "Transfer-Encoding", "Connection" } do
    has(select(2, pcall(lab.http.get, "http://localhost/", { headers = { [name] = "1" } })),
      ("headers can't have '%s': the client writes it itself"):format(name))
  end
  fails("listen tcp nowhere", 22, lab.listen("nowhere", echo))
  fails("listen tcp 127.0.0.1:x", 22, lab.listen("127.0.0.1:x", echo))
  for _, address in ipairs { "0.0.0.0:0", "[::]:0", "10.1.2.3:80" } do
    fails("listen tcp " .. address .. ": only loopback addresses are possible", 13, lab.listen(address, echo))
  end
  local server = assert(lab.listen(":0", echo))
  has(server:address(), "127.0.0.1:")
  fails("address already in use", 98, lab.listen(server:address(), echo))
  server:close()
  return "ok"
end

-- An answer that doesn't come; a task that is cancelled while it waits.
routes["/slow"] = function()
  local server = assert(lab.listen(":0", function()
    lab.sleep(20)
    return "late"
  end))
  local began = lab.now()
  fails("deadline exceeded: connection timed out", 110, lab.http.get(url(server, "/"), { timeout = 0.1 }))
  equal(lab.now() - began < 5, true, "it took long")
  local task = lab.go(function() return lab.http.get(url(server, "/")) end)
  lab.sleep(0.05)
  task:cancel()
  local ok, message = task:join()
  equal(ok, false, "a cancelled task")
  has(message, "task cancelled")
  server:close()
  return "ok"
end

-- An error in a server's function is a 500, and its requests are tasks.
routes["/server"] = function()
  local running, most = 0, 0
  local server = assert(lab.listen("localhost:0", function(req)
    if req.path == "/bad" then error("sorry") end
    running = running + 1
    most = math.max(most, running)
    lab.sleep(0.2)
    running = running - 1
    return "ok"
  end))
  local bad = assert(lab.http.get(url(server, "/bad")))
  equal(bad.status, 500, "status")
  has(bad.body, "internal server error (request id ")
  local tasks = {}
  for i = 1, 10 do tasks[i] = lab.go(function() return lab.http.get(url(server, "/")) end) end
  for _, task in ipairs(tasks) do
    local ok, answer = task:join()
    equal(ok and answer.status, 200, "status")
  end
  equal(most > 1, true, "at the same time")
  server:close()
  return "ok"
end

-- All that SOCKET gets until it has TEXT, or until its end.
local function hear(socket, text)
  local all = ""
  repeat
    local bytes, message = socket:read(4096, 30)
    if not bytes then
      equal(message, "EOF", all)
      return all
    end
    all = all .. bytes
  until text and all:find(text, 1, true)
  return all
end

local function ask(socket)
  assert(socket:write("GET /again HTTP/1.1\r\nHost: localhost\r\n\r\n"))
  has(hear(socket, "GET /again"), "201 Created")
end

-- Connections that nobody uses, of servers that are patient and of one that isn't.
routes["/idle"] = function()
  local mistakes = { -1, -1e-9, 0 / 0, 1 / 0, -1 / 0, 1e300, 1000001, math.maxinteger, math.mininteger, "x", {}, true }
  for _, seconds in ipairs(mistakes) do
    local ok, message = pcall(lab.listen, ":0", echo, { idle_timeout = seconds })
    equal(ok, false, "idle_timeout = " .. tostring(seconds))
    has(message, "idle_timeout must be a number of seconds")
  end
  has(select(2, pcall(lab.listen, ":0", echo, { idle_timout = 1 })), "did you mean 'idle_timeout'?")
  has(select(2, pcall(lab.listen, ":0", echo, 5)), "table expected")
  local hasty, servers, patient = assert(lab.listen(":0", echo, { idle_timeout = 0.1 })), {}, {}
  for i, options in ipairs { {}, { idle_timeout = 1000000 }, { idle_timeout = 0 } } do
    servers[i] = assert(lab.listen(":0", echo, options))
    local asked, silent = lab.tcp.connect(servers[i]:address()), lab.tcp.connect(servers[i]:address())
    ask(asked)
    patient[2 * i - 1], patient[2 * i] = asked, silent
  end
  local asked, silent = assert(lab.tcp.connect(hasty:address())), assert(lab.tcp.connect(hasty:address()))
  assert(asked:write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"))
  has(hear(asked), "408 Request Timeout")
  has(hear(silent), "408 Request Timeout")
  for _, socket in ipairs(patient) do ask(socket) end
  for _, server in ipairs { hasty, servers[1], servers[2] } do server:close() end
  return "ok" -- the rest is closed with the step
end

-- The lab can be its own client.
routes["/own"] = function(_, req)
  local answer = assert(lab.http.get("http://127.0.0.1:" .. req.query.port .. "/echo?x"))
  return answer.body
end

routes["/spawn"] = function()
  local p = assert(lab.spawn { "true" })
  equal(p:wait(), 0, "true")
  equal(p:wait(), 0, "asked again")
  equal(assert(lab.spawn { "sh", "-c", "exit 7" }):wait(), 7, "exit code")
  p = assert(lab.spawn { "sleep", "100" })
  equal(math.type(p:pid()), "integer", "pid")
  local waiter = lab.go(function() return p:wait() end)
  lab.sleep(0)
  equal(p:kill(), true, "kill")
  local ok, a, text, number = waiter:join()
  equal(ok, true, "waiting")
  equal(a, nil, "killed")
  equal(text, "signal: killed", "killed")
  equal(number, 9, "killed")
  fails("os: process already finished", 3, p:kill())
  p = assert(lab.spawn { "sleep", "100" })
  p:kill("TERM")
  equal(select(3, p:wait()), 15, "terminated")
  fails("exec /no/such/program: no such file or directory", 2, lab.spawn { "/no/such/program" })
  fails("permission denied", 13, lab.spawn { "/etc/passwd" })
  equal(pcall(lab.spawn, {}), false, "no words")
  equal(pcall(lab.spawn, { "a\0b" }), false, "a zero in a word")
  return "ok"
end

routes["/descriptors"] = function()
  local servers = {}
  while true do
    local server, message, code = lab.listen(":0", echo)
    if not server then
      has(message, "too many open files")
      equal(code, 24, "code")
      break
    end
    servers[#servers + 1] = server
  end
  fails("too many open files", 24, lab.http.get(url(servers[1], "/")))
  servers[1]:close() -- one for the request is not enough: the server needs one for it, too
  fails("deadline exceeded", 110, lab.http.get(url(servers[3], "/"), { timeout = 0.1 }))
  servers[2]:close()
  local answer = assert(lab.http.get(url(servers[3], "/x")))
  equal(answer.status, 201, "status")
  for i = 3, #servers do servers[i]:close() end
  return tostring(#servers)
end

-- A server that stays: its address.
local kept
routes["/open"] = function(_, req)
  local options = { idle_timeout = tonumber(req.query.idle) }
  kept = assert(lab.listen("127.0.0.1:0", function(asked) return asked.method end, options))
  return kept:address()
end

routes["/close"] = function()
  kept:close()
  return "closed"
end

-- As many as the process may have: none of the reasons is another one's.
routes["/exhaust"] = function()
  while true do
    local server, message, code = lab.listen(":0", echo)
    if not server then return ("%d %s"):format(code, message) end
  end
end

-- What a careless step leaves behind.
routes["/leave"] = function()
  local server = assert(lab.listen(":0", function() lab.sleep(100) end))
  for _ = 1, 3 do
    assert(lab.spawn { "sh", "-c", "sleep 1000 & sleep 1000" })
    assert(lab.temp_file(lab.temp_dir()))
    lab.go(function() lab.http.get(url(server, "/")) end)
    lab.go(function() lab.sleep(1000) end)
  end
  lab.sleep(0.02)
  return "left"
end

return {
  params = { fds = { 40, "descriptors" } },
  limits = { fds = "fds" },
  request = function() return "hello" end,
  routes = routes,
}
