-- SPDX-License-Identifier: MIT
-- Clients whose requests share connections: how often one is used, who waits for
-- one and how that is seen, and that nothing is left. And what a request knows.
local t = require "harness"
local socket = require "socket"
local trace = require "trace"
t.need("go", "curl")

local scenarios = { t.source .. "/tests/integration/scenarios", t.source .. "/scenarios" }

local function in_step(...)
  local lab = t.start_with(scenarios, "--step", "77", ...)
  lab:get("/") -- libuv opens /dev/null with the first connection
  return lab
end

local function ask(lab, path)
  local answer = lab:get(path)
  t.equal(answer.status, 200, path .. ": " .. answer.body)
  return answer.body
end

local function open_files(lab)
  local text = lab:get("/debug/pprof/lab.OpenFiles?debug=1").body
  return tonumber(t.match(text, "total (%d+)\n")), text
end

for _, route in ipairs {
  "reuse", "crowd", "idle", "restart", "late", "close", "close-meanwhile", "stream", "readers", "mistakes",
} do
  t.test("client: " .. route, function()
    local lab = in_step()
    for _ = 1, 2 do t.equal(ask(lab, "/" .. route), "ok") end
    t.eventually(function() return open_files(lab) == 0 end)
    t.equal(lab:leave().status, 200)
    t.equal(lab:stop(), 0)
  end)
end

-- ---- who waits for a connection ------------------------------------------------

-- A lab whose client "payments" has both of its connections taken, by requests that
-- have ended, and as many requests that wait.
local function stuck(waiting)
  local lab = in_step()
  ask(lab, "/open")
  t.equal(ask(lab, "/take"), "taken") -- not even a collection gives it back
  t.equal(ask(lab, "/keep"), "kept")
  local clients = {}
  for i = 1, waiting do clients[i] = t.spawn("curl -sS " .. lab.url .. "/pay") end
  lab:wait_tasks("pool wait", waiting)
  return lab, clients
end

t.test("dumps say which pool it is, and who has the connections", function()
  local lab = stuck(3)
  local dump = lab:get("/debug/pprof/goroutine?debug=2").body
  local takers, wait = t.match(dump,
    '%[pool wait %("payments" 2 of 2 taken since [%d.]+ s: tasks ([%d ()ended]+); (%d+) wait%)%]:\n')
  t.match(takers, "^%d+ %(ended%) %d+ %(ended%)$")
  t.equal(wait, "3")
  t.match(dump, "%[pool wait [^\n]*\nlab%.HttpClient%.get%(%.%.%.%)\n.-\nclient%.payOrder%(%.%.%.%)\n")
  t.match(lab:get("/metrics").body, 'diaglab_tasks{state="pool wait"} 3\n')
  local files, text = open_files(lab)
  t.equal(files, 5, "a server, and both ends of two connections")
  local _, taken = text:gsub("lab%.HttpClient%.get[^\n]*\n[^\n]*client%.takeOrder", "")
  t.equal(taken, 2, "connections by the stack that has opened them")
  t.equal(lab:leave().status, 200)
  t.eventually(function() return open_files(lab) == 0 end)
  t.equal(lab:stop(), 0)
end)

-- Whether a stack has all of NAMES.
local function is_within(sample, names)
  local there = {}
  for _, location in ipairs(sample.stack) do
    for _, frame in ipairs(location.frames) do there[frame.name] = true end
  end
  for _, name in ipairs(names) do
    if not there[name] then return false end
  end
  return true
end

local function sum_of(samples, value, ...)
  local sum = 0
  for _, sample in ipairs(samples) do
    if is_within(sample, { ... }) then sum = sum + sample.values[value] end
  end
  return sum
end

t.test("wall, block and traces name the caller that waits", function()
  local lab, clients = stuck(3)
  local wall = t.pprof.raw(lab.url .. "/debug/pprof/wall?seconds=1")
  local all = sum_of(wall.samples, 1, "client.payOrder")
  local waiting = 0
  for _, sample in ipairs(wall.samples) do
    if is_within(sample, { "lab.HttpClient.get", "client.payOrder" }) then
      t.equal(table.concat(sample.labels.state, " "), "pool wait")
      waiting = waiting + sample.values[1]
    end
  end
  t.check(waiting > 0 and waiting == all, "all of payOrder is waiting")
  t.equal(sum_of(t.pprof.raw(lab.url .. "/debug/pprof/block").samples, 1, "client.payOrder"), 0, "not over yet")

  local file = t.temp_dir() .. "/trace.out"
  local asked, seconds = t.now(), 3
  local taken = t.spawn(("curl -sSN -o %s '%s/debug/pprof/trace?seconds=%d'"):format(file, lab.url, seconds))
  t.eventually(function() return #(t.read(file) or "") > 0 or not taken:alive() end)
  local late = t.spawn("curl -sS " .. lab.url .. "/pay")
  lab:wait_tasks("pool wait", 4)
  t.equal(ask(lab, "/give"), "given")
  clients[#clients + 1] = late
  for _, client in ipairs(clients) do
    t.equal(client:wait(60), 0)
    t.equal(client:out(), "GET ")
  end
  local whole = t.now() < asked + seconds
  t.equal(taken:wait(60), 0)

  local block = t.pprof.raw(lab.url .. "/debug/pprof/block")
  t.equal(sum_of(block.samples, 1, "lab.HttpClient.get", "client.payOrder"), 4, "waits")
  t.check(sum_of(block.samples, 2, "client.payOrder") > 3e9, "three seconds at least, of three tasks")
  t.equal(#t.pprof.raw(lab.url .. "/debug/pprof/mutex").samples, 0, "no lock is involved")
  if whole and not trace.converts() then
    t.check(trace.profile(file, "sync")("client.payOrder") > 0, "the trace has it among what synchronizes")
    t.check(trace.profile(file, "net")("client.payOrder") > 0, "and the request itself as network")
  end
  t.equal(lab:stop(), 0)
end)

-- ---- descriptors, memory, the end of a step ---------------------------------------

t.test("limits.fds: connections that are kept are descriptors of the step", function()
  local lab = in_step()
  for _, fds in ipairs { 12, 40 } do
    t.equal(lab:go_to("77&fds=" .. fds).status, 200)
    for _ = 1, 2 do t.check(tonumber(ask(lab, "/descriptors")) > 1, "there are some") end
    t.eventually(function() return open_files(lab) == 0 end)
  end
  t.equal(lab:stop(), 0)
end)

t.test("limits.memory: an answer that is too large as a whole can be read in parts", function()
  local dir = t.temp_dir()
  t.run("mkdir " .. dir .. "/50-large")
  t.write(dir .. "/50-large/scenario.lua", "return { request = function() return ('x'):rep(60 << 20) end }")
  local large = t.start_with({ dir }, "--step", "50")
  local lab = in_step()
  for _ = 1, 3 do t.equal(ask(lab, "/memory?url=" .. large.url .. "/"), tostring(60 << 20)) end
  t.equal(large:stop(), 0)
  t.equal(lab:stop(), 0)
end)

t.test("what a step leaves behind is closed", function()
  local lab = in_step()
  local function descriptors() return #t.names(("/proc/%d/fd"):format(lab.pid)) end
  local before -- known after the first round, which has made what is made once
  for _ = 1, 3 do
    t.equal(ask(lab, "/leave"), "left")
    t.check(open_files(lab) >= 5, "it has connections")
    t.equal(lab:leave().status, 200)
    t.eventually(function() return open_files(lab) == 0 end)
    before = before or descriptors()
    t.eventually(function() return descriptors() <= before end)
    t.eventually(function() return lab:get("/debug/pprof/goroutine?debug=1").body:find("total 0", 1, true) end)
    t.equal(lab:go_to("77").status, 200)
  end
  t.equal(ask(lab, "/leave"), "left")
  t.equal(lab:stop(), 0)
end)

-- ---- servers that aren't friendly ---------------------------------------------------

-- A server that is this test: each request of the shared client is answered here.
local function by_hand(lab)
  local listener = assert(socket.bind("127.0.0.1", 0))
  local _, port = listener:getsockname()
  listener:settimeout(60)
  local function begin(method)
    return t.spawn(("curl -sS '%s/ask?url=http://127.0.0.1:%d/x&method=%s'"):format(lab.url, port, method or "GET"))
  end
  -- The program that asks has inherited the socket, so closing it isn't enough.
  local function finish(connection)
    connection:shutdown("both")
    connection:close()
  end
  local function accept()
    local connection = assert(listener:accept())
    connection:settimeout(60)
    return connection
  end
  -- Reads a request; returns its first line.
  local function hear(connection)
    local first = assert(connection:receive("*l"))
    while assert(connection:receive("*l")) ~= "" do end
    return first
  end
  return begin, accept, hear, finish, listener
end

local OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

local function has_said(client, text)
  t.equal(client:wait(60), 0)
  t.has(client:out(), text)
end

t.test("a connection that the server closes when it is used again", function()
  local lab = in_step()
  local begin, accept, hear, finish, listener = by_hand(lab)
  local client = begin()
  local connection = accept()
  hear(connection)
  connection:send(OK)
  has_said(client, "200 ok")
  client = begin()
  t.equal(hear(connection), "GET /x HTTP/1.1", "the same connection")
  finish(connection)
  connection = accept()
  t.equal(hear(connection), "GET /x HTTP/1.1", "once more, on a new one")
  connection:send(OK)
  has_said(client, "200 ok")
  client = begin("POST")
  t.equal(hear(connection), "POST /x HTTP/1.1")
  finish(connection)
  has_said(client, "the server has closed the idle connection: EOF")
  t.eventually(function() return open_files(lab) == 0 end)
  listener:close()
  t.equal(lab:stop(), 0)
end)

t.test("what a server may not say ends the connection", function()
  local lab = in_step()
  local begin, accept, hear, finish, listener = by_hand(lab)
  for _, answer in ipairs {
    OK .. "more", OK .. OK, "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
  } do
    local client = begin()
    local connection = accept()
    hear(connection)
    connection:send(answer)
    has_said(client, "200 ok")
    t.equal(connection:receive(1), nil, "it is closed")
    finish(connection)
  end
  local client = begin()
  local connection = accept()
  hear(connection)
  connection:send("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n")
  has_said(client, "malformed HTTP response")
  t.equal(connection:receive(1), nil, "it is closed, too")
  finish(connection)
  client = begin()
  connection = accept()
  hear(connection)
  connection:send(OK)
  has_said(client, "200 ok")
  connection:send("HTTP/1.1 200 OK\r\n") -- nobody has asked
  t.equal(connection:receive(1), nil, "it is closed, as nobody used it")
  finish(connection)
  t.eventually(function() return open_files(lab) == 0 end)
  listener:close()
  t.equal(lab:stop(), 0)
end)

-- ---- what a request knows -------------------------------------------------------

local HEADERS = { "-H", "X-One: 1", "-H", "X-One:  2 ", "-H", "X-Empty;", "-H", "User-Agent: me" }

local function check_facts(answer, host)
  t.equal(answer.status, 200, answer.body)
  t.match(answer.body, "^from 127%.0%.0%.1:%d+\n")
  local wanted = "accept: */*\nhost: %s\nuser-agent: me\nx-empty: \nx-one: 1, 2\n"
  t.equal(answer.body:match("^[^\n]*\n(.*)$"), wanted:format(host))
end

t.test("headers, and where a request comes from", function()
  local lab = in_step()
  local host = lab.url:match("//(.*)$")
  check_facts(lab:get("/facts", table.unpack(HEADERS)), host)
  check_facts(lab:get("/child", table.unpack(HEADERS)), host)
  local address = ask(lab, "/listen")
  check_facts(t.http("http://" .. address .. "/", table.unpack(HEADERS)), address)
  local own = t.run(("curl -sS -w 'port %%{local_port}' %s/facts"):format(lab.url)).out
  t.equal(own:match("^from 127%.0%.0%.1:(%d+)\n"), t.match(own, "port (%d+)$"))
  t.equal(ask(lab, "/remember"), "remembered")
  t.equal(ask(lab, "/afterwards"), "ok")
  t.equal(lab:stop(), 0)
end)

t.test("a task sees that its client has gone", function()
  local lab = in_step()
  local client = t.spawn("curl -sS " .. lab.url .. "/work")
  lab:wait_log("work begins")
  t.check(not lab:log():find("work ends", 1, true), "the client is there")
  client:signal("KILL")
  lab:wait_log("work ends: the client has gone")
  t.equal(lab:stop(), 0)
end)

t.finish()
