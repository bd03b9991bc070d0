-- SPDX-License-Identifier: MIT
-- Files that scenarios open: what the library does, what step 6 shows, and that
-- everything comes back.
local t = require "harness"
t.need("curl")

local FILES = t.source .. "/tests/integration/scenarios"

-- A lab with a temporary folder of its own, and (nofile) so many descriptors.
local function start(nofile, ...)
  local tmp, wrapper = t.temp_dir(), t.temp_dir() .. "/diaglab"
  t.write(wrapper, ("#!/bin/sh\nulimit -n %d\nTMPDIR=%s exec %s \"$@\"\n"):format(nofile, tmp, t.diaglab))
  t.run("chmod +x " .. wrapper)
  local lab = t.start_as(wrapper, t.start_with, { FILES, t.source .. "/scenarios" }, ...)
  lab:get("/") -- libuv opens /dev/null with the first connection
  return lab, tmp
end

-- The descriptors of the lab; its connections, and the libraries whose symbols
-- it reads, are none of our business.
local function fds(lab)
  local n = 0
  for line in t.run(("ls -l /proc/%d/fd"):format(lab.pid)).out:gmatch("[^\n]+") do
    if line:find(" -> ", 1, true) and not line:find("socket:", 1, true) and
      not line:find("%.so[%d.]*$") and not line:find("/diaglab$") then
      n = n + 1
    end
  end
  return n
end

-- Likewise, without those that are open for a moment only. A lab that answers goes on
-- meanwhile.
local function lasting_fds(lab)
  local least = fds(lab)
  for _ = 1, 4 do
    t.sleep(0.05)
    lab:get("/status")
    least = math.min(least, fds(lab))
  end
  return least
end

local function count(dir)
  return tonumber(t.run("find " .. dir .. " -mindepth 1 | wc -l").out)
end

local function goto_step(lab, step)
  t.has(lab:go_to(step).body, "switched to step")
end

for _, route in ipairs { "write-and-read", "where", "close-meanwhile", "cancel", "forget", "close-twice", "unparkable" } do
  t.test("files: " .. route, function()
    local lab = start(1024)
    local before = fds(lab)
    goto_step(lab, 90)
    for _ = 1, 3 do t.equal(lab:get("/" .. route).body, "ok") end
    goto_step(lab, 0)
    t.eventually(function() return fds(lab) <= before end)
    t.equal(lab:stop(), 0)
  end)
end

t.test("a step's files are closed and removed when it is left", function()
  local lab, tmp = start(1024)
  local before = lasting_fds(lab)
  goto_step(lab, 90)
  t.equal(lab:get("/keep?n=30").body, "30")
  t.eventually(function() return fds(lab) == before + 30 end)
  t.equal(count(tmp), 2 + 30 + 30, "folders and files")
  local private = t.match(t.run("ls " .. tmp).out, "^(diaglab%-" .. lab.pid .. "%-%x+)\n$")
  t.match(t.run("ls -ld " .. tmp .. "/" .. private).out, "^drwx%-%-%-%-%-%-")
  goto_step(lab, 0)
  t.eventually(function() return count(tmp) == 1 and fds(lab) == before end)
  lab:wait_log("step 90: 30 files were left behind and taken back")
  goto_step(lab, 90)
  lab:get("/keep?n=3")
  t.equal(lab:stop(), 0)
  t.equal(count(tmp), 0, "left behind at exit")
end)

t.test("limits.fds is enforced, and counted right", function()
  local lab = start(1024)
  goto_step(lab, "90&fds=20")
  local answer = lab:get("/keep?n=21")
  t.equal(answer.status, 500)
  t.has(lab:details(answer), "too many open files")
  goto_step(lab, "90&fds=20")
  t.equal(lab:get("/keep?n=20").body, "20")
  local metrics = lab:get("/metrics").body
  t.has(metrics, "\ndiaglab_step_max_fds 20\n")
  t.has(metrics, "\ndiaglab_step_open_fds 20\n")
  t.has(lab:get("/status").body, '"step_fds": 20,')
  t.equal(lab:get("/keep?n=1").status, 500)
  goto_step(lab, 0)
  t.eventually(function() return lab:get("/metrics").body:find("\ndiaglab_step_open_fds 0\n") end)
  t.has(lab:get("/metrics").body, "\ndiaglab_step_max_fds 1024\n")
  t.has(lab:go_to("90&fds=-1").body, "limits.fds")
  t.equal(lab:stop(), 0)
end)

t.test("step 6: five descriptors a request, until there are none", function()
  t.need("lsof")
  local lab, tmp = start(1024)
  goto_step(lab, "6&limit=60")
  local before = lasting_fds(lab)
  for i = 1, 12 do
    t.equal(lab:get("/").body, "hello world")
    t.eventually(function() return fds(lab) == before + 5 * i end)
  end
  local _, listed = t.run("lsof -p " .. lab.pid).out:gsub(tmp .. "/diaglab%-[%w-]+/visit%-%d+/request%-%w+\n", "")
  t.equal(listed, 60, "lsof")
  local profile = lab:get("/debug/pprof/lab.OpenFiles?debug=1").body
  t.has(profile, "lab.OpenFiles profile: total 60\n60 @ ", "one record")
  t.match(profile, "lab%.temp_file[^\n]*\n#[^\n]*%.createFiles[^\n]*06%-receipts/scenario%.lua:5\n")
  local answer = lab:get("/")
  t.equal(answer.status, 500)
  t.has(lab:details(answer), "too many open files")
  local log = lab:log()
  t.match(log, "request / failed: [^\n]*open /[^\n]*: too many open files\nstack traceback:\n[^\0]*in upvalue 'createFiles'")
  t.match(log, "in upvalue 'doSomeBusinessLogic'")
  goto_step(lab, 0)
  t.eventually(function() return fds(lab) <= before end)
  t.has(lab:get("/debug/pprof/lab.OpenFiles?debug=1").body, "total 0\n")
  t.equal(lab:get("/").body, "hello world")
  goto_step(lab, "6&limit=60")
  t.equal(lab:get("/").status, 200, "and again")
  t.equal(lab:stop(), 0)
end)

-- Where descriptors are short, a client that connects and hasn't sent its request
-- yet, as on a busy machine, may have to make room for others: it tries again. (52
-- is an end without an answer; 55 and 56 are one while it was sending or reading.)
local PERSISTENT = [[sh -c 'for try in 1 2 3 4 5; do
  code=$(curl -sS -o /dev/null -w "%%{http_code}" "%s/debug/pprof/profile?seconds=2&x=%d")
  result=$?
  case $result in 52|55|56) ;; *) break ;; esac
done
printf %%s "$code"; exit $result']]

t.test("step 6 at the process's own limit: the lab goes on", function()
  local lab = start(256)
  goto_step(lab, "6&limit=100000")
  local answer
  for _ = 1, 60 do
    answer = lab:get("/")
    if answer.status == 500 then break end
  end
  t.equal(answer.status, 500)
  t.has(lab:details(answer), "too many open files")
  -- Connections, profiles and the switch have descriptors of their own.
  local clients = {}
  for i = 1, 20 do clients[i] = t.spawn(PERSISTENT:format(lab.url, i)) end
  t.equal(lab:get("/debug/pprof/heap").status, 200)
  t.equal(lab:get("/debug/vars").status, 200)
  for _, client in ipairs(clients) do
    t.equal(client:wait(), 0)
    t.equal(client:out(), "200")
  end
  goto_step(lab, 0)
  t.equal(lab:get("/").body, "hello world")
  goto_step(lab, 6)
  t.equal(lab:get("/").body, "hello world")
  t.equal(lab:stop(), 0)
end)

-- Mean seconds of N requests one after the other, on one connection.
local function mean(lab, n)
  local urls = ("%s/ "):format(lab.url):rep(n)
  local out = t.run("curl -sS -w '\n%{time_total}\n' " .. urls).out
  local sum, got = 0, 0
  for seconds in out:gmatch("hello world\n(%S+)") do
    sum, got = sum + tonumber(seconds), got + 1
  end
  t.equal(got, n, "answers")
  return sum / n
end

t.test("step 6 is clearly slower than step 0", function()
  local lab = start(1024)
  local best = 0
  for _ = 1, 3 do
    goto_step(lab, 0)
    local base = mean(lab, 90)
    goto_step(lab, 6)
    best = math.max(best, mean(lab, 90) / base)
    if best >= 1.5 then break end
  end
  print(("     %.1f times"):format(best))
  t.check(best >= 1.5, "only " .. best .. " times slower")
  t.equal(lab:stop(), 0)
end)

t.finish()
