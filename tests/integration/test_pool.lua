-- SPDX-License-Identifier: MIT
-- The lab's slow work has few threads (libuv's pool). Whatever that work waits for, a
-- name server, a folder, a disk, /status and other work go on.
local t = require "harness"
t.need("curl", "cc")

local PPROF = "/debug/pprof/"
local PATIENT = { "--max-time", "20" } -- in vain, if something waits for what is silent

-- The library of silent.c, in the folder DIR.
local function make_library(dir)
  local made = t.run(("cc -shared -fPIC -o %s/shim.so %s/tests/integration/silent.c -ldl"):format(dir, t.source))
  if made.code ~= 0 then t.skip("can't make a library for LD_PRELOAD: " .. made.err) end
  return dir .. "/shim.so"
end

-- What the environment of the next lab has, besides.
local variables = ""

-- A lab with the step 50, and three functions: hold(CALL) makes these calls wait, release()
-- ends that for all, and waiting(CALL) says how many have waited.
local function start(...)
  local own = t.temp_dir()
  local silent = own .. "/is-"
  local program = own .. "/diaglab"
  t.write(program, ("#!/bin/sh\n%s ASAN_OPTIONS=verify_asan_link_order=0 SILENT=%s LD_PRELOAD=%s exec %s \"$@\"\n")
    :format(variables, silent, make_library(own), t.quote(t.diaglab)))
  t.run("chmod +x " .. program .. " && mkdir -p " .. own .. "/silent/50-net")
  local lab = t.start_as(program, t.start_with, { own .. "/silent", t.source .. "/scenarios" }, ...)
  t.write(own .. "/silent/50-net/scenario.lua", ([[
local function fetch(url)
  return function()
    local answer, why = lab.http.get(url, { timeout = 100 })
    return answer and answer.body or why
  end
end
return {
  title = "net",
  request = function() end,
  routes = { ["/name"] = fetch "http://a.silent/", ["/number"] = fetch "%s/status" },
}
]]):format(lab.url))
  t.equal(lab:go_to(50).status, 200)
  t.equal(lab:get("/steps").status, 200)
  local function hold(call) t.write(silent .. call, "") end
  local function release()
    for _, call in ipairs { "getaddrinfo", "opendir", "fdatasync" } do os.remove(silent .. call) end
  end
  local function waiting(call) return select(2, (t.read(silent .. "log") or ""):gsub(call .. "\n", "")) end
  return lab, hold, release, waiting
end

local function ask(lab, path, method)
  return t.spawn(t.command { "curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "-X", method or "GET",
    lab.url .. path })
end

local function expect_status(lab) t.equal(lab:get("/status", table.unpack(PATIENT)).status, 200, "/status") end

-- More of them than the pool has threads.
local function ask_names(lab, waiting)
  local list = {}
  for i = 1, 5 do list[i] = ask(lab, "/name") end
  t.eventually(function() return waiting "getaddrinfo" > 0 end)
  t.eventually(function() return lab:get("/status", table.unpack(PATIENT)).body:find('"in_flight": 5', 1, true) end)
  return list
end

t.test("a name server that doesn't answer keeps nobody else waiting", function()
  local lab, hold, release, waiting = start()
  hold "getaddrinfo"
  local names = ask_names(lab, waiting)
  t.equal(lab:get(PPROF .. "heap", table.unpack(PATIENT)).status, 200)
  t.equal(lab:get("/metrics", table.unpack(PATIENT)).status, 200)
  t.equal(lab:get("/number", table.unpack(PATIENT)).status, 200)
  t.equal(waiting "getaddrinfo", 1, "one lookup at a time")
  release()
  for _, one in ipairs(names) do t.equal(one:wait(), 0) end
  t.equal(lab:stop(), 0)
end)

for _, size in ipairs { "1", "many" } do
  t.test("nor where the pool shall have " .. size .. " threads", function()
    variables = "UV_THREADPOOL_SIZE=" .. size
    local lab, hold, release, waiting = start()
    variables = ""
    hold "getaddrinfo"
    local names = ask_names(lab, waiting)
    t.equal(lab:get(PPROF .. "heap", table.unpack(PATIENT)).status, 200)
    release()
    for _, one in ipairs(names) do t.equal(one:wait(), 0) end
    t.equal(lab:stop(), 0)
  end)
end

t.test("nor do folders that don't answer, at the same time", function()
  local lab, hold, release, waiting = start()
  hold "getaddrinfo"
  hold "opendir"
  local names = ask_names(lab, waiting)
  local slow = { ask(lab, "/steps"), ask(lab, "/hint"), ask(lab, "/lab/") }
  t.eventually(function() return waiting "opendir" >= 2 end)
  for _ = 1, 3 do expect_status(lab) end
  release()
  for _, list in ipairs { names, slow } do
    for _, one in ipairs(list) do t.equal(one:wait(), 0) end
  end
  t.equal(lab:stop(), 0)
end)

t.test("nor does a disk on which the progress can't be written", function()
  local state = t.temp_dir()
  local lab, hold, release, waiting = start("--state", state)
  local function count(what)
    return select(2, (t.read(state .. "/progress.jsonl") or ""):gsub('"' .. what .. '"', ""))
  end
  t.eventually(function() return count "visit" == 1 end)
  hold "fdatasync"
  t.equal(lab:go_to(0).status, 200)
  t.eventually(function() return waiting "fdatasync" == 1 end)
  local resets = {}
  for i = 1, 5 do resets[i] = ask(lab, "/lab/progress?step=9", "DELETE") end
  for _, one in ipairs(resets) do
    t.equal(one:wait(), 0)
    t.equal(one:out(), "500", "it isn't done, and says so")
  end
  expect_status(lab)
  t.equal(lab:get(PPROF .. "heap", table.unpack(PATIENT)).status, 200)
  t.equal(waiting "fdatasync", 1, "one thread waits for the disk")
  release()
  t.eventually(function() return count "visit" == 2 end)
  t.equal(count "reset", 0)
  t.equal(lab:stop(), 0)
end)

t.finish()
