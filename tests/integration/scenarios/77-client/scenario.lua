-- SPDX-License-Identifier: MIT
-- Clients with shared connections, and what a request knows: each route tries a
-- part and answers "ok", or fails with what it found. Some leave something to be
-- seen from outside: tests/integration/test_http_client.lua.
local function equal(got, want, what)
  if got ~= want then error(("%s: got %s, wanted %s"):format(what, tostring(got), tostring(want)), 2) end
end

local function has(text, part)
  if not text:find(part, 1, true) then error(text .. " has no " .. part, 2) end
end

-- What a failing call returned.
local function fails(message, code, ...)
  local n, first, text, number = select("#", ...), ...
  if n ~= 3 or first ~= nil then error("it should have failed", 2) end
  if not text:find(message, 1, true) then error(text .. " is not " .. message, 2) end
  equal(number, code, text)
end

local function raises(message, f, ...)
  local ok, problem = pcall(f, ...)
  if ok then error("it should have raised " .. message, 2) end
  has(problem, message)
end

-- Waits until f() is true.
local function await(f, what)
  local patience = lab.now() + 30
  while not f() do
    if lab.now() > patience then error(what .. " didn't come", 2) end
    lab.sleep(0.005)
  end
end

-- ---- a server that knows its connections ----------------------------------------

local server, busy, most, seen, gate

local function serve(req)
  seen[req.remote_address] = (seen[req.remote_address] or 0) + 1
  busy = busy + 1
  most = math.max(most, busy)
  if req.path == "/held" then gate:recv() end
  if req.path == "/slow" then lab.sleep(0.02) end
  busy = busy - 1
  if req.path == "/bytes" then return ("0123456789"):rep(tonumber(req.query.n) // 10) end
  if req.path == "/nothing" then return "", 204 end
  return req.method .. " " .. req.body
end

local function open_server()
  busy, most, seen, gate = 0, 0, {}, lab.channel()
  server = assert(lab.listen("127.0.0.1:0", serve))
end

local function url(path) return "http://" .. server:address() .. path end

local function connections()
  local n = 0
  for _ in pairs(seen) do n = n + 1 end
  return n
end

local routes = {}

-- ---- connections ----------------------------------------------------------------

routes["/reuse"] = function()
  open_server()
  local client = lab.http.client()
  for _ = 1, 20 do
    local answer = assert(client:get(url("/")))
    equal(answer.status, 200, "status")
    equal(answer.body, "GET ", "body")
    has(answer.headers["content-type"], "text/plain")
  end
  equal(assert(client:get(url("/"), { method = "POST", body = "x" })).body, "POST x", "a body sent")
  equal(assert(client:get(url("/"), { method = "HEAD" })).body, "", "HEAD")
  equal(assert(client:get(url("/nothing"))).status, 204, "no content")
  equal(#assert(client:get(url("/bytes?n=100000"))).body, 100000, "a long body")
  equal(connections(), 1, "connections of a client")
  for _ = 1, 5 do assert(lab.http.get(url("/"))) end
  equal(connections(), 6, "connections without a client")
  assert(client:get(url("/"), { headers = { Connection = "close" } }))
  for _, name in ipairs { "host", "Content-Length", "transfer-encoding" } do
    equal(pcall(client.get, client, url("/"), { headers = { [name] = "1" } }), false, name)
  end
  assert(client:get(url("/")))
  equal(connections(), 7, "the server was told to close")
  local other = lab.http.client { size = 1 }
  assert(other:get(url("/")))
  equal(connections(), 8, "clients have connections of their own")
  equal(client:close(), true, "close")
  equal(client:close(), true, "close again")
  fails(('GET "%s": the client is closed'):format(url("/")), 125, client:get(url("/")))
  other:close()
  server:close()
  return "ok"
end

-- Closed while requests look for their server, connect, and read: they say so. On
-- one thread it is closed a little earlier than on the other.
routes["/close-meanwhile"] = function()
  open_server()
  local address = url("/"):gsub("127%.0%.0%.1", "localhost")
  for i = 1, 300 do
    local client, tasks = lab.http.client { size = 4 }, {}
    for n = 1, 4 do tasks[n] = lab.go(client.get, client, address) end
    for _ = 1, i % 7 do lab.sleep(0) end
    client:close()
    for _, task in ipairs(tasks) do
      local _, answer, message = task:join()
      if not answer then has(message, "the client is closed") end
    end
  end
  server:close()
  return "ok"
end

-- No more connections than its size, however many ask; in their order.
routes["/crowd"] = function()
  open_server()
  local client, order, tasks = lab.http.client { size = 3 }, {}, {}
  for i = 1, 20 do
    tasks[i] = lab.go(function()
      assert(client:get(url("/slow")))
      order[#order + 1] = i
    end)
  end
  for i = 1, 20 do equal(tasks[i]:join(), true, "task " .. i) end
  equal(most, 3, "requests at a time")
  equal(connections(), 3, "connections")
  for i, n in ipairs(order) do equal(math.abs(n - i) < 6, true, n .. " as number " .. i) end
  client:close()
  server:close()
  return "ok"
end

routes["/idle"] = function()
  open_server()
  local client = lab.http.client { idle_timeout = 0.01 }
  await(function()
    assert(client:get(url("/")))
    lab.sleep(0.05)
    return connections() > 1
  end, "another connection, as the first one was idle for too long")
  client:close()
  server:close()
  return "ok"
end

-- The server closes what is kept; another one listens at the same place.
routes["/restart"] = function()
  open_server()
  local client, address = lab.http.client(), server:address()
  assert(client:get(url("/")))
  server:close()
  await(function()
    server = lab.listen(address, serve)
    return server
  end, "the address")
  equal(assert(client:get(url("/"))).status, 200, "status")
  server:close()
  fails("connection refused", 111, client:get("http://" .. address .. "/"))
  client:close()
  return "ok"
end

-- ---- waiting --------------------------------------------------------------------

routes["/late"] = function()
  open_server()
  local client = lab.http.client { size = 1, name = "single" }
  equal(tostring(client), 'HttpClient "single" (size 1)', "tostring")
  local first = lab.go(client.get, client, url("/held"))
  await(function() return busy == 1 end, "the first request")
  fails("deadline exceeded while waiting for a connection: 1 of 1 are taken", 110,
    client:get(url("/"), { timeout = 0.05 }))
  local waiting = lab.go(client.get, client, url("/"))
  lab.sleep(0.01)
  waiting:cancel()
  local ok, message = waiting:join()
  equal(ok, false, "cancelled while it waits")
  has(message, "task cancelled")
  local last = lab.go(client.get, client, url("/"))
  lab.sleep(0.01)
  first:cancel() -- its connection is closed, and another one opened
  first:join()
  local _, answer = last:join()
  equal(answer.status, 200, "status")
  equal(connections(), 2, "connections")
  gate:close()
  client:close()
  server:close()
  return "ok"
end

routes["/close"] = function()
  open_server()
  local client = lab.http.client { size = 2 }
  local stream = assert(client:get(url("/bytes?n=100000"), { stream = true }))
  local asks = lab.go(client.get, client, url("/held"))
  await(function() return busy == 1 end, "the request")
  local waits = lab.go(client.get, client, url("/"))
  lab.sleep(0.01)
  client:close()
  for _, task in ipairs { asks, waits } do
    local ok, answer, text, number = task:join()
    equal(ok, true, "the task")
    fails("the client is closed", 125, answer, text, number)
  end
  fails("read on closed response body", 9, stream:read(1))
  gate:close()
  server:close()
  return "ok"
end

-- ---- streams --------------------------------------------------------------------

routes["/stream"] = function()
  open_server()
  local client = lab.http.client { size = 1 }
  local answer = assert(client:get(url("/bytes?n=200000"), { stream = true }))
  equal(answer.status, 200, "status")
  equal(answer.headers["content-length"], "200000", "header")
  raises("a lab.HttpStream has no 'raed'; did you mean 'read'?", function() return answer.raed end)
  raises("1 to 2^25 bytes", answer.read, answer, 0)
  equal(answer:read(5), "01234", "five bytes")
  equal(answer:read(100000), ("5678901234"):rep(10000), "many")
  fails("deadline exceeded while waiting", 110, client:get(url("/"), { timeout = 0.05 }))
  equal(#answer:read(), 99995, "the rest")
  equal(tostring(answer), "HttpStream (200, read)", "tostring")
  fails("EOF", 0, answer:read(1))
  equal(answer:read(), "", "nothing is left")
  equal(answer:close(), true, "close")
  equal(assert(client:get(url("/"))).status, 200, "the connection is free")
  equal(connections(), 1, "and is used again")
  answer = assert(client:get(url("/bytes?n=10"), { stream = true }))
  equal(answer:read(20), "0123456789", "fewer, at the end")
  fails("EOF", 0, answer:read(20))
  equal(assert(client:get(url("/nothing"), { stream = true })).status, 204, "no body")
  equal(assert(client:get(url("/bytes?n=10"), { stream = true, method = "HEAD" })):read(), "", "HEAD")
  equal(connections(), 1, "none is left behind")
  do
    local closed <close> = assert(client:get(url("/bytes?n=100000"), { stream = true }))
    equal(closed:read(1), "0", "a byte")
    answer = closed
  end
  fails("read on closed response body", 9, answer:read(1))
  assert(client:get(url("/")))
  equal(connections(), 2, "closed before its end")
  raises("has no option 'stream'", lab.http.get, url("/"), { stream = true })
  client:close()
  server:close()
  return "ok"
end

-- Two tasks at one stream, and what is cancelled while it reads.
routes["/readers"] = function()
  open_server()
  local client = lab.http.client { size = 1 }
  local raw = lab.channel()
  local slow = assert(lab.listen("127.0.0.1:0", function()
    raw:recv()
    return "late"
  end))
  local place = "http://" .. slow:address() .. "/"
  local asks = lab.go(client.get, client, place, { stream = true })
  lab.sleep(0.01)
  asks:cancel()
  equal((asks:join()), false, "cancelled before the head")
  asks = lab.go(client.get, client, place, { stream = true, timeout = 0.05 })
  local ok, answer, message = asks:join()
  equal(ok, true, "the task")
  equal(answer, nil, "no head in time")
  has(message, "deadline exceeded")
  raw:close()
  equal(assert(client:get(place)).body, "late", "the place is free")
  slow:close()
  client:close()
  server:close()
  return "ok"
end

-- ---- mistakes -------------------------------------------------------------------

routes["/mistakes"] = function()
  raises("has no option 'sise'; did you mean 'size'?", lab.http.client, { sise = 1 })
  for _, size in ipairs { 0, -1, 10001, 1.5, "x", {}, false } do
    raises("size must be a whole number from 1 to 10000", lab.http.client, { size = size })
  end
  for _, seconds in ipairs { -1, 0 / 0, 1 / 0, "x", {} } do
    raises("idle_timeout must be a number of seconds", lab.http.client, { idle_timeout = seconds })
  end
  raises("name must be a string", lab.http.client, { name = {} })
  raises("table expected", lab.http.client, 5)
  local client <close> = lab.http.client { size = 1 }
  raises("has no option 'tiemout'; did you mean 'timeout'?", client.get, client, "http://localhost/", { tiemout = 1 })
  raises("bad timeout", client.get, client, "http://localhost/", { timeout = -1 })
  raises("lab.HttpClient", client.get, {}, "http://localhost/")
  raises("has no 'gte'; did you mean 'get'?", function() return client.gte end)
  fails("unsupported protocol scheme", 22, client:get("https://localhost/"))
  fails("its port must be a number", 22, client:get("http://localhost:0/"))
  for _ = 1, 3 do fails("dial tcp: lookup no-such-host.invalid", 113, client:get("http://no-such-host.invalid/")) end
  raises("can't get here", table.sort, { 1, 2 }, function() client:get("http://localhost/") end)
  return "ok"
end

-- Each connection is a descriptor of the step: params.fds of them.
routes["/descriptors"] = function(self)
  open_server()
  local client, kept = lab.http.client { size = 1000 }, {}
  while true do
    local answer, message, code = client:get(url("/bytes?n=100000"), { stream = true, timeout = 5 })
    if not answer then
      if code == 110 then break end -- the server needs one, too
      has(message, "too many open files")
      equal(code, 24, "code")
      break
    end
    kept[#kept + 1] = answer
  end
  equal(#kept < self.params.fds, true, "how many")
  for _, answer in ipairs(kept) do answer:close() end
  await(function() return client:get(url("/"), { timeout = 1 }) end, "a free descriptor")
  client:close()
  server:close()
  return tostring(#kept)
end

-- An answer that the step has no memory for; in parts it has.
routes["/memory"] = function(_, req)
  local client <close> = lab.http.client { size = 1 }
  local answer, message, code = client:get(req.query.url)
  equal(answer, nil, "a large answer")
  has(message, "not enough memory for the response")
  equal(code, 12, message)
  answer = assert(client:get(req.query.url, { stream = true }))
  local n, part = 0, answer:read(1 << 20)
  while part do
    n = n + #part
    part = answer:read(1 << 20)
  end
  return tostring(n)
end

-- ---- to be seen from outside -----------------------------------------------------

local payments, forgotten = nil, {}

-- A request that forgets its answer, and so loses a connection.
local function takeOrder()
  local answer = assert(payments:get(url("/bytes?n=100000"), { stream = true }))
  forgotten[#forgotten + 1] = answer.status == 200 and answer or nil
end

routes["/open"] = function()
  open_server()
  payments = lab.http.client { size = 2, name = "payments" }
  return "open"
end

routes["/take"] = function()
  takeOrder()
  forgotten = {}
  lab.gc()
  return "taken"
end

routes["/keep"] = function()
  takeOrder()
  return "kept"
end

local function payOrder()
  local answer = assert(payments:get(url("/")))
  return answer.body
end

routes["/pay"] = function() return (payOrder()) end

routes["/give"] = function()
  for _, answer in ipairs(forgotten) do answer:close() end
  forgotten = {}
  return "given"
end

-- Everything that a step can leave behind.
routes["/leave"] = function()
  open_server()
  payments = lab.http.client { size = 2 }
  assert(payments:get(url("/bytes?n=100000"), { stream = true }))
  for _ = 1, 5 do lab.go(function() payments:get(url("/held")) end) end
  local idle = lab.http.client { size = 5 }
  for _ = 1, 5 do lab.go(function() idle:get(url("/slow")) end) end
  await(function() return busy > 0 and connections() >= 4 end, "the requests")
  return "left"
end

-- One request to URL by a client that all of these share, its answer, or what was
-- wrong.
local shared
routes["/ask"] = function(_, req)
  shared = shared or lab.http.client { size = 2, name = "shared" }
  local answer, message, code = shared:get(req.query.url, { method = req.query.method, timeout = 20 })
  if not answer then return ("%d %s"):format(code, message), 502 end
  return ("%d %s"):format(answer.status, answer.body)
end

-- ---- what a request knows ---------------------------------------------------------

local function describe(req)
  local lines, names = { "from " .. req.remote_address }, {}
  for name in pairs(req.headers) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do lines[#lines + 1] = name .. ": " .. req.headers[name] end
  equal(req.headers["no-such"], nil, "a header that isn't there")
  equal(req.headers, req.headers, "made once")
  raises("names of headers are in lower case here: 'x-one'", function() return req.headers["X-One"] end)
  raises("the headers of a request are read-only", function() req.headers.host = "x" end)
  raises("a request has no 'header'; did you mean 'headers'?", function() return req.header end)
  equal(req:canceled(), false, "the client is there")
  return table.concat(lines, "\n") .. "\n"
end

routes["/facts"] = function(_, req) return describe(req) end

routes["/listen"] = function()
  server = assert(lab.listen("127.0.0.1:0", describe))
  return server:address()
end

local last
routes["/remember"] = function(_, req)
  last = req
  return "remembered"
end

routes["/afterwards"] = function()
  equal(last:canceled(), true, "it has its answer")
  raises("has its answer already", function() return last.headers end)
  raises("has its answer already", function() return last.remote_address end)
  return "ok"
end

-- A task of the request asks, too.
routes["/child"] = function(_, req)
  local ok, text = lab.go(describe, req):join()
  equal(ok, true, text)
  return text
end

-- Works until its client has gone.
routes["/work"] = function(_, req)
  lab.log("work begins")
  await(function() return req:canceled() end, "the end of the client")
  lab.log("work ends: the client has gone")
end

return {
  params = { fds = { 40, "descriptors" } },
  limits = { fds = "fds", memory = "48MB" },
  request = function() return "hello" end,
  routes = routes,
}
