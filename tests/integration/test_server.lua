-- SPDX-License-Identifier: MIT
-- needs: time
-- The HTTP server of the running program: bytes on the wire, and what happens
-- when there are too many clients. bash opens the connections, by /dev/tcp.
local t = require "harness"
t.need("curl", "bash")

local CLOSE = "Host: localhost\r\nConnection: close\r\n\r\n"

-- Sends BYTES as they are; everything that comes back until the server closes.
local function send(lab, bytes, seconds)
  local dir = t.temp_dir()
  t.write(dir .. "/bytes", bytes)
  local result = t.run(("timeout %d bash -c 'exec 3<>/dev/tcp/127.0.0.1/%d; cat %s/bytes >&3; cat <&3'")
    :format(seconds or 60, lab.port, dir))
  t.check(result.code ~= 124, "the server didn't close after " .. bytes:sub(1, 80))
  return result.out
end

local function statuses(answers)
  local list = {}
  for status in answers:gmatch("HTTP/1%.[01] (%d%d%d)") do list[#list + 1] = status end
  return table.concat(list, " ")
end

t.test("each fault has its status, and ends the connection", function()
  local lab = t.start()
  local long = ("x"):rep(9000)
  local cases = {
    { "\22\3\1\2\0\1\0\1\252", 400 }, -- TLS
    { "hello\r\n\r\n", 400 },
    { "GET / HTTP/1.1\r\n\r\n", 400 },
    { "GET / HTTP/1.1\r\nHost: a\r\n" .. CLOSE, 400 },
    { "GET / HTTP/1.1\r\nName with blank: x\r\n" .. CLOSE, 400 },
    { "POST / HTTP/1.1\r\nContent-Length: x\r\n" .. CLOSE, 400 },
    { "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n" .. CLOSE .. "0\r\n\r\n", 400 },
    { "GET /nope HTTP/1.1\r\n" .. CLOSE, 404 },
    { "DELETE /goto?step=0 HTTP/1.1\r\n" .. CLOSE, 405 },
    { "POST / HTTP/1.1\r\nContent-Length: 65537\r\n" .. CLOSE, 413 },
    { "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" .. CLOSE .. "10001\r\n" .. ("x"):rep(0x10001), 413 },
    { "GET /" .. long .. " HTTP/1.1\r\n" .. CLOSE, 414 },
    { "POST / HTTP/1.1\r\nContent-Length: 1\r\nExpect: miracles\r\n" .. CLOSE, 417 },
    { "GET / HTTP/1.1\r\nCookie: " .. long .. "\r\n" .. CLOSE, 431 },
    { "BREW / HTTP/1.1\r\n" .. CLOSE, 501 },
    { "POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n" .. CLOSE, 501 },
    { "GET / HTTP/3.0\r\n" .. CLOSE, 505 },
  }
  for _, case in ipairs(cases) do
    local bytes, status = case[1], case[2]
    local answer = send(lab, bytes)
    t.equal(statuses(answer), tostring(status), bytes:sub(1, 80))
    t.match(answer, "\r\nConnection: close\r\n")
    t.equal(lab:get("/").body, "hello world")
  end
  t.equal(lab:stop(), 0)
end)

t.test("a request may be as large as the limits", function()
  local lab = t.start()
  local uri = "/?" .. ("x"):rep(8190)
  t.equal(statuses(send(lab, "GET " .. uri .. " HTTP/1.1\r\n" .. CLOSE)), "200")
  t.equal(statuses(send(lab, "GET / HTTP/1.1\r\nCookie: " .. ("x"):rep(8000) .. "\r\n" .. CLOSE)), "200")
  t.equal(lab:post("/", ("x"):rep(65536)).status, 200)
  local chunked = lab:post("/", ("x"):rep(65536), "-H", "Transfer-Encoding: chunked")
  t.equal(chunked.status, 200)
end)

t.test("pipelined requests are answered in order", function()
  local lab = t.start()
  local requests = {}
  for _, path in ipairs { "/", "/nope", "/debug/pprof/cmdline", "/goto?step=x", "/" } do
    requests[#requests + 1] = "GET " .. path .. " HTTP/1.1\r\nHost: localhost\r\n\r\n"
  end
  requests[#requests + 1] = "HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n"
  requests[#requests + 1] = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc"
  requests[#requests + 1] = "GET / HTTP/1.1\r\n" .. CLOSE
  local answers = send(lab, table.concat(requests))
  t.equal(statuses(answers), "200 404 200 400 200 200 200 200")
  t.equal(select(2, answers:gsub("hello world", "")), 4, "HEAD has no body")
  -- A thousand at once.
  local many = ("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"):rep(999) .. "GET / HTTP/1.1\r\n" .. CLOSE
  t.equal(select(2, send(lab, many):gsub("\r\n\r\nhello world", "")), 1000)
end)

t.test("keep-alive, HTTP/1.0, Expect", function()
  local lab = t.start()
  local two = t.run(("curl -s -w ' %%{num_connects}\n' %s/ %s/"):format(lab.url, lab.url))
  t.equal(two.out, "hello world 1\nhello world 0\n")

  local plain = send(lab, "GET / HTTP/1.0\r\n\r\n")
  t.match(plain, "^HTTP/1%.0 200 OK\r\n")
  t.match(plain, "\r\nContent%-Length: 11\r\n\r\nhello world$")
  t.check(not plain:find("keep-alive", 1, true))
  local kept = send(lab, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\n")
  t.equal(select(2, kept:gsub("hello world", "")), 2)
  t.equal(select(2, kept:gsub("Connection: keep%-alive", "")), 1)

  local expect = "POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1000\r\n" .. CLOSE
  t.equal(lab:post("/", ("x"):rep(1000), "-H", "Expect: 100-continue").status, 200)
  -- Who sends the body without waiting needs no 100.
  t.equal(statuses(send(lab, expect .. ("x"):rep(1000))), "200")
  local told = t.run(("timeout 60 bash -c 'exec 3<>/dev/tcp/127.0.0.1/%d; cat >&3; head -n1 <&3'"):format(lab.port), expect)
  t.equal(told.out, "HTTP/1.1 100 Continue\r\n")
end)

t.test("a client that stops in the middle of its headers is told so: 408", function()
  local lab = t.start()
  local began = t.now()
  t.equal(statuses(send(lab, "GET / HTTP/1.1\r\nHost: loc")), "408")
  t.between(t.now() - began, 9.9, 40, "seconds; the limit is 10")
end)

-- ---- very many clients ----------------------------------------------------------

-- A program that may have N descriptors.
local function start_with_fds(n, ...)
  local dir = t.temp_dir()
  t.write(dir .. "/limited", ("#!/bin/sh\nulimit -n %d\nexec %s \"$@\"\n"):format(n, t.quote(t.diaglab)))
  t.run("chmod +x " .. dir .. "/limited")
  return t.start_as(dir .. "/limited", t.start, ...)
end

-- N connections that stay; each sends BYTES (in printf's words). Then, when there
-- is a file DIR/look, prints the first line of what has come back. (select, which
-- read -t is made of, can't do with the large numbers of the descriptors.)
local CROWD = [[
ulimit -n $((N + 100)); cd DIR
for ((i = 0; i < N; i++)); do
  exec {fd}<>/dev/tcp/127.0.0.1/PORT && printf 'BYTES' >&$fd
  all[i]=$fd
done
touch ready
until [ -e look ]; do sleep 0.1; done
for fd in ${all[@]}; do
  if read -t 0 <&$fd; then read -r line <&$fd; echo "$line"; fi
done
touch looked
sleep 600]]

local function crowd(lab, n, bytes)
  local dir = t.temp_dir()
  local script = CROWD:gsub("%u+", { N = n, DIR = dir, PORT = lab.port, BYTES = bytes })
  t.write(dir .. "/crowd", script)
  local self = { program = t.spawn("bash " .. dir .. "/crowd") }
  t.eventually(function() return t.read(dir .. "/ready") end)
  function self.look()
    t.write(dir .. "/look", "")
    t.eventually(function() return t.read(dir .. "/looked") end)
    return self.program:out()
  end
  function self.leave()
    t.run("kill -s KILL -- -" .. self.program.pid) -- what it has started, too
    self.program:wait()
  end
  return self
end

local GET = [[GET / HTTP/1.1\r\nHost: localhost\r\n\r\n]]

local function count(text, plain)
  return select(2, text:gsub(plain, ""))
end

local function has_fds(n)
  local limit = t.run("ulimit -Hn").out
  if limit:find("unlimited") or tonumber(limit) >= n then return true end
  print("(left out: no more than " .. limit:gsub("\n", "") .. " descriptors here)")
end

local function check_idle(n)
  if not has_fds(n + 500) then return end
  local lab = start_with_fds(n + 500)
  lab:get("/")
  local before = lab:rss()
  local idle = crowd(lab, n, GET)
  t.eventually(function() return count(lab:log(), "Request processed") == n + 1 end)
  -- Meanwhile what only the start has needed may have left the process (base/image.h).
  local grown = lab:rss() - before
  t.check(grown < n * 10e3, ("%d bytes of resident memory"):format(grown))
  t.equal(lab:get("/").body, "hello world")
  t.equal(count(idle.look(), "200 OK"), n, "all are still connected")
  t.equal(lab:stop(), 0)
end

t.test("1,000 idle connections cost less than 10 MB", function() check_idle(1000) end)
t.long("10,000 idle connections cost less than 100 MB", function() check_idle(10000) end)

t.test("5,000 requests that wait: the queue takes 4,096, the others are told 503", function()
  if not has_fds(5500) then return end
  local dir = t.temp_dir()
  t.run("mkdir " .. dir .. "/51-sleep")
  t.write(dir .. "/51-sleep/scenario.lua", "return { request = function() lab.sleep(600) end }")
  local lab = start_with_fds(5500, "--scenarios", dir, "--step", "51")
  local waiting = crowd(lab, 5000, GET)
  t.equal(lab:get("/").status, 503)
  t.has(lab:get("/").body, "the queue is full")
  t.equal(lab:get("/debug/vars").status, 200)
  t.eventually(function() -- all are answered, and two more
    local refused = lab:get("/metrics").body:match('\ndiaglab_requests_total{step="51",code="5xx"} (%d+)')
    return tonumber(refused) == 5000 - 4096 + 2
  end)
  local told = waiting.look()
  t.equal(count(told, "HTTP/1.1 503 Service Unavailable"), 5000 - 4096)
  t.equal(lab:go_to(0).status, 200)
  t.eventually(function() return lab:get("/").body == "hello world" end)
  t.equal(lab:stop(), 0)
end)

-- An answer within five seconds, without those of waiting for a processor.
local function ask(lab, path)
  local step = path:match("^/goto%?step=(.*)$")
  return lab:in_time(5, path, function()
    if step then return lab:go_to(step, "--max-time", "60") end
    return lab:get(path, "--max-time", "60")
  end)
end

-- CPU seconds used so far.
local function cpu_seconds(lab)
  local stat = t.read("/proc/" .. lab.pid .. "/stat"):match("%) (.*)")
  local fields = {}
  for field in stat:gmatch("%S+") do fields[#fields + 1] = tonumber(field) or field end
  return (fields[12] + fields[13]) / 100
end

-- What clients can do wrong, each in a crowd: requests that stop in the middle,
-- silence, answers that nobody takes.
local BAD = {
  ["nothing"] = "",
  ["half a request line"] = "GET / HT",
  ["half of the headers"] = [[GET / HTTP/1.1\r\nHost: localhost\r\nX: ]],
  ["half a body"] = [[POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\nabc]],
  ["a request, and then nothing"] = GET,
  ["requests, and takes no answer"] = (GET:gsub("GET /", "GET /metrics")):rep(1000),
}

for what, bytes in pairs(BAD) do
  for _, fds in ipairs { 64, 1024 } do
    local test = fds > 64 and t.long or t.test
    test(("%d descriptors, and %d clients send %s: the lab answers"):format(fds, fds * 2, what), function()
      -- Making so many answers would take minutes.
      if fds > 64 and #bytes > 1000 or not has_fds(fds * 2 + 100) then return end
      local lab = start_with_fds(fds)
      local bad = crowd(lab, fds * 2, bytes)
      for _ = 1, 5 do
        t.equal(ask(lab, "/status").status, 200)
        t.equal(ask(lab, "/goto?step=0").body, "switched to step 0")
        -- 128 clients that ask without an end keep everything at work.
        if #bytes < 1000 then t.equal(ask(lab, "/").body, "hello world") end
      end
      local used = tonumber(lab:get("/status").body:match('"fds": (%d+)'))
      t.check(used < fds, "descriptors are left for what the lab reads itself")
      bad.leave()
      t.equal(lab:stop(), 0)
    end)
  end
end

t.test("out of descriptors: requests in work keep them, the lab has a reserve, and it doesn't spin", function()
  local dir = t.temp_dir()
  t.run("mkdir " .. dir .. "/51-sleep")
  t.write(dir .. "/51-sleep/scenario.lua", "return { request = function() lab.sleep(600) end }")
  local lab = start_with_fds(64, "--scenarios", dir, "--step", "51")
  local waiting = crowd(lab, 100, GET)
  local before = cpu_seconds(lab)
  for _ = 1, 5 do
    local refused = ask(lab, "/")
    t.equal(refused.status, 503)
    t.equal(refused.body, "there are too many connections\n")
    t.equal(ask(lab, "/status").status, 200)
  end
  t.run("sleep 2")
  t.between(cpu_seconds(lab) - before, 0, 0.5, "CPU seconds in 2 seconds")
  local told = waiting.look()
  t.between(count(told, "503 Service Unavailable"), 50, 90, "clients that were told so")
  waiting.leave()
  t.equal(ask(lab, "/goto?step=0").status, 200)
  t.eventually(function() return lab:get("/").body == "hello world" end)
  t.equal(lab:get("/debug/pprof/heap").status, 200)
  t.equal(lab:stop(), 0)
end)

t.test("out of descriptors: long work gives its place in the reserve to others", function()
  local lab = start_with_fds(64)
  local long = crowd(lab, 60, (GET:gsub("GET /", "GET /debug/pprof/profile?seconds=300")))
  for _ = 1, 3 do t.equal(ask(lab, "/status").status, 200) end
  long.leave()
  t.equal(lab:stop(), 0)
end)

t.test("out of descriptors: idle clients make room for new ones", function()
  local lab = start_with_fds(64)
  crowd(lab, 200, GET)
  -- Until the crowd has its answers, its clients are not idle.
  t.eventually(function() return ask(lab, "/").body == "hello world" end)
  for _ = 1, 5 do t.equal(ask(lab, "/").body, "hello world") end
  t.equal(lab:get("/debug/vars").status, 200)
  t.equal(lab:stop(), 0)
end)

t.test("the limit of descriptors is raised at the start; children have the old one", function()
  if not has_fds(2000) then return end
  local dir = t.temp_dir()
  t.run("mkdir " .. dir .. "/51-child")
  t.write(dir .. "/51-child/scenario.lua", ([[
return { request = function()
  local child = lab.spawn({ "/bin/sh", "-c", "ulimit -Sn >%s/soft; ulimit -Hn >%s/hard" })
  child:wait()
  return "done"
end }]]):format(dir, dir))
  t.write(dir .. "/limited", "#!/bin/sh\nulimit -Sn 500\nulimit -Hn 2000\nexec " .. t.quote(t.diaglab) .. ' "$@"\n')
  t.run("chmod +x " .. dir .. "/limited")
  local lab = t.start_as(dir .. "/limited", t.start, "--scenarios", dir, "--step", "51")
  t.match(lab:get("/status").body, '"fds": 2000[,}]')
  t.equal(lab:get("/").body, "done")
  t.equal(t.read(dir .. "/soft"), "500\n")
  t.equal(t.read(dir .. "/hard"), "2000\n")
  t.equal(lab:stop(), 0)
end)

t.finish()
