-- SPDX-License-Identifier: MIT
-- A lab with 64 descriptors, and clients that ask at once for what takes long and
-- stay. bash opens the connections, by /dev/tcp.
-- needs: processor
local t = require "harness"
local attacks = require "attacks"
local kept = require "kept"
t.need("curl", "bash", "prlimit")

local FDS, CLIENTS, LIMIT = 64, 200, 0.3 -- seconds, of which 0.1 are promised

local function request(line, ...)
  return table.concat({ line .. " HTTP/1.1", "Host: localhost", ... }, "\r\n") .. "\r\n\r\n"
end

local function post(path, length, body)
  local form = "Content-Type: application/x-www-form-urlencoded"
  return request("POST " .. path, form, "Content-Length: " .. length) .. body
end

-- Scenarios: step 50 answers, step 51 doesn't, step 52 is never entered.
local function write_steps()
  local dir = t.temp_dir()
  attacks.write_scenario(dir, 50, "quick", 'return { hints = { "look" }, request = function() return "quick" end }')
  attacks.write_scenario(dir, 51, "sleep", "return { request = function() lab.sleep(600) end }")
  attacks.write_scenario(dir, 52, "slow", "return { enter = function() lab.sleep(600) end, request = function() end }")
  return dir
end

local function start_small(dir, fds, ...)
  t.write(dir .. "/limited", ("#!/bin/sh\nulimit -n %d\nexec %s \"$@\"\n"):format(fds or FDS, t.quote(t.diaglab)))
  t.run("chmod +x " .. dir .. "/limited")
  return t.start_as(dir .. "/limited", t.start_with, { dir }, "--step", "51", ...)
end

local CROWD = [[
ulimit -n $((N + 100)); cd DIR
for ((i = 0; i < N; i++)); do exec {fd}<>/dev/tcp/127.0.0.1/PORT && cat bytes >&$fd; done
touch ready
sleep 600]]

-- CLIENTS connections (or N) that stay; each sends BYTES. All of them are there before
-- the lab sees the first one.
local function come(lab, bytes, n)
  local dir = t.temp_dir()
  t.write(dir .. "/bytes", bytes)
  t.write(dir .. "/crowd", (CROWD:gsub("%u+", { N = n or CLIENTS, DIR = dir, PORT = lab.port })))
  lab:signal "STOP"
  t.spawn("bash " .. dir .. "/crowd")
  t.eventually(function() return t.read(dir .. "/ready") end)
  lab:signal "CONT"
end

local LONG = {
  ["a CPU profile"] = request "GET /debug/pprof/profile?seconds=300",
  ["a wall profile"] = request "GET /debug/pprof/wall?seconds=300",
  ["a difference"] = request "GET /debug/pprof/heap?seconds=300",
  ["the page's stream"] = request "GET /lab/api/stream",
  ["the page"] = request "GET /lab/",
  ["a form's answer"] = post("/lab/request", 6, "path=/"),
  ["the list of steps"] = request "GET /steps",
  ["a step that is never entered"] = request "GET /goto?step=52",
  ["nothing"] = "",
  ["a profile to judge, and don't send it"] = post("/lab/captures", 60000, "x"),
}

for what, bytes in pairs(LONG) do
  t.test(("%d clients ask for %s: the next one is answered"):format(CLIENTS, what), function()
    local lab = start_small(write_steps())
    come(lab, request "GET /") -- they have all places but the reserve
    come(lab, bytes)
    local function ask(path) return function() return lab:get(path, "--max-time", "60") end end
    t.equal(lab:in_time(LIMIT, "/status", ask "/status").status, 200)
    for _ = 1, 3 do
      for _, step in ipairs { 50, 51 } do
        local answer = lab:in_time(1, "/goto", ask("/goto?step=" .. step))
        t.equal(answer.body, "switched to step " .. step)
      end
    end
    t.has(lab:in_time(1, "/steps", ask "/steps").body, "> step 51: ")
    local used = tonumber(lab:get("/status").body:match('"fds": (%d+)'))
    t.check(used <= FDS - 4, used .. " descriptors are in use; the lab itself reads files")
    t.equal(lab:stop(), 0)
  end)
end

t.test("a recording has its place in the reserve while nobody needs it", function()
  local lab = start_small(write_steps())
  come(lab, request "GET /")
  local profile = lab:get("/debug/pprof/profile?seconds=1")
  t.equal(profile.status, 200)
  t.equal(lab:get("/").status, 503)
  t.equal(lab:stop(), 0)
end)

t.test("behind hundreds of switches to a step that is never entered, the last one is done", function()
  local clients = 800
  if t.run(("ulimit -n %d"):format(clients + 100)).code ~= 0 then return end
  local lab = start_small(write_steps(), clients + 100)
  come(lab, request "GET /goto?step=52", clients)
  local answer = lab:in_time(0.7, "/goto", function() return lab:get("/goto?step=50", "--max-time", "60") end)
  t.equal(answer.body, "switched to step 50")
  t.equal(lab:get("/").body, "quick")
  t.equal(lab:stop(), 0)
end)

-- An answer is written down while another program has the file, the others wait for that
-- one. For those that ask next some have to give way: -> what each was told.
local function answer_in_the_reserve(dir)
  local state = t.temp_dir()
  local lab = start_small(dir, FDS, "--state", state)
  lab:go_to(51)
  kept.await(state, "visit", 1)
  local release = kept.hold(state)
  come(lab, request "GET /") -- they have all places but the reserve
  lab:signal "STOP" -- all of them come at once
  local function ask(...)
    return t.spawn(t.command { "curl", "-s", "-w", " %{http_code}", "--max-time", "60", ... })
  end
  local sent = {}
  for i = 1, 3 do sent[i] = ask("-d", "class=none", lab.url .. "/lab/answer") end
  sent[4] = ask("-X", "DELETE", lab.url .. "/lab/progress")
  t.sleep(0.2)
  come(lab, LONG["a CPU profile"], 20) -- it goes on
  t.sleep(0.5)
  release()
  for i, one in ipairs(sent) do
    one:wait()
    sent[i] = one:out():match(" (%d+)$")
  end
  t.equal(lab:stop(), 0) -- all is written
  local told = table.concat(sent, " ", 1, 3)
  t.equal(kept.count(kept.events(state), "answer"), select(2, told:gsub("200", "")), "answers noted; told: " .. told)
  t.equal(kept.count(kept.events(state), "reset"), sent[4] == "200" and 1 or 0, "resets noted; told: " .. sent[4])
  return told
end

t.test("an answer that is refused isn't noted, and one that is noted isn't refused", function()
  local dir = write_steps()
  t.write(dir .. "/51-sleep/lesson.lua", 'return { diagnosis = { class = "wait.lock", where = { "request" } } }')
  t.eventually(function()
    local told = answer_in_the_reserve(dir)
    return told:find "200" and told:find "503" -- else the machine was too busy
  end)
end)

-- ---- no descriptor at all ---------------------------------------------------------

-- The lab has the connection before the limit is lowered.
local ASK = [[
exec 3<>/dev/tcp/127.0.0.1/PORT
printf 'HEAD /status HTTP/1.1\r\nHost: localhost\r\n\r\n' >&3
while IFS= read -r line <&3 && [ "$line" != $'\r' ]; do :; done
prlimit --pid PID --nofile=3:64
printf 'GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' 'PATH' >&3
timeout 20 cat <&3
prlimit --pid PID --nofile=64:64]]

local function ask_without_fds(lab, path)
  local script = t.temp_dir() .. "/ask"
  t.write(script, (ASK:gsub("%u%u%u+", { PORT = lab.port, PID = lab.pid, PATH = path })))
  local answer = t.run("bash " .. script).out
  return tonumber(answer:match("^HTTP/1.1 (%d+)")), answer:match("\r\n\r\n(.*)$")
end

t.test("without descriptors no step is said to be missing: 503, and why", function()
  local dir = write_steps()
  local lab = start_small(dir)
  local why = dir .. ": Too many open files"
  local function refused(path, text)
    local status, body = ask_without_fds(lab, path)
    t.equal(status, 503, path .. ": " .. tostring(body))
    t.equal(body, text .. "\n")
  end
  refused("/goto?step=50", "step 50 can't be looked for: " .. why)
  t.has(lab:get("/status").body, '"step": 51')
  refused("/steps", "the steps can't be read now: " .. why)
  refused("/steps?format=json", "the steps can't be read now: " .. why)
  refused("/hint?n=1", "step 51 can't be looked for: " .. why)
  t.has(lab:get("/steps").body, "> step 51: ")
  t.equal(lab:get("/hint?n=1").status, 404)
  t.equal(lab:go_to(50).status, 200)
  t.has(lab:get("/hint?n=1").body, "hint 1: look")
  -- The present step can be left for none.
  local status, body = ask_without_fds(lab, "/goto?step=0")
  t.equal(status, 200)
  t.equal(body, "switched to step 0")
  t.equal(lab:stop(), 0)
end)

t.test("--list says that it can't read", function()
  local dir = write_steps()
  local listed = t.run(("prlimit --nofile=5 %s --scenarios %s --list"):format(t.quote(t.diaglab), dir))
  t.check(listed.code ~= 0, "it fails: " .. listed.out)
  t.has(listed.err, "the steps can't be read now: ")
  t.has(listed.err, "Too many open files")
end)

t.finish()
