-- SPDX-License-Identifier: MIT
-- A step that logs without end fills no disk, and whatever becomes of the log,
-- the step can be left.
local lfs = require "lfs"
local t = require "harness"
t.need("curl", "bash")

local MOST = 16 << 20 -- bytes of a step in a second

local SCENARIO = [[
local text, i = ("x"):rep(%d), 0
local function write() i = i + 1 %s end
return {
  request = function() while true do write() end end,
  routes = { ["/once"] = function() write() return "written" end },
}]]

-- A lab in step 47, which writes lines of SIZE bytes with CODE.
local function start(size, code)
  local dir = t.temp_dir()
  t.run("mkdir -p " .. dir .. "/47-log")
  t.write(dir .. "/47-log/scenario.lua", SCENARIO:format(size, code))
  return t.start_with({ dir, t.source .. "/scenarios" }, "--step", "47")
end

local function request(lab)
  return t.spawn(t.command { "curl", "-s", "-o", "/dev/null", "--max-time", "60", lab.url .. "/" })
end

-- What is in the log, as (bytes, number, lines that are missing before it).
local function each_line(log)
  local next_line = log:gmatch("[^\n]+\n")
  local missing = 0
  return function()
    for line in next_line do
      missing = missing + tonumber(line:match(" (%d+) log lines were dropped\n") or
        line:match(" (%d+) more lines were not written: a step may log 16 MiB in a second\n") or 0)
      local number = tonumber(line:match("number (%d+) x"))
      if number then
        local before = missing
        missing = 0
        return #line, number, before
      end
    end
  end
end

local REFUSED = "more lines were not written: a step may log 16 MiB in a second\n"

local CHECKED = 64 << 20 -- bytes of the log

-- The lines are numbered: none is missing that isn't counted.
t.test("lab.log without end", function()
  local lab = start(4000, "lab.log('number %d %s', i, text)")
  local asked = request(lab)
  lab:wait_log(REFUSED, 60)
  local known = lfs.attributes(lab.program.dir .. "/err", "size")
  lab:signal("USR1")
  lab:wait_log("Received signal", nil, known)
  t.equal(lab:leave().status, 200)
  asked:wait()
  lab:wait_log("Request processed in", nil, known)
  t.equal(lab:stop(), 0)
  -- On a busy machine all that was asked for took minutes, and the log has gigabytes.
  local file <close> = assert(io.open(lab.program.dir .. "/err", "rb"))
  local log = file:read(CHECKED)
  local last, bytes = 0, 0
  for size, number, missing in each_line(log) do
    t.equal(number, last + missing + 1, "the next line")
    bytes = missing > 0 and size or bytes + size
    t.check(bytes <= MOST, "a second has too much")
    last = number
  end
  t.check(last > 1000, "lines")
end)

t.test("tasks that fail, each in its own way", function()
  local lab = start(60000, "lab.go(error, i .. text) lab.sleep(0)")
  request(lab)
  lab:wait_log(REFUSED, 60)
  t.equal(lab:leave().status, 200)
  t.equal(lab:stop(), 0)
end)

-- What reads the lab's stderr after its first two lines, as a command of bash.
-- $1 is the lab.
local readers = {
  { "nobody reads the log", "while kill -0 $1; do sleep 0.1; done" },
  { "the log is read slowly", "while read -r -N 20000 && kill -0 $1; do sleep 0.05; done" },
  { "nobody can read the log any more", "exit" },
}

local function start_with_reader(command, ...)
  local script = t.temp_dir() .. "/diaglab"
  t.write(script, ([[#!/bin/bash
exec 5>&2
read_log() { sed -u 2q >&5; exec 5>&- 2>/dev/null; %s; }
exec '%s' "$@" 2> >(read_log $$) 5>&-
]]):format(command, t.diaglab))
  t.run("chmod +x " .. script)
  return t.start_as(script, start, ...)
end

local function try_reader(command)
  local lab = start_with_reader(command, 1000, "lab.log('number %d %s', i, text)")
  t.equal(lab:get("/once").body, "written")
  request(lab)
  lab:work("vm", 0.3)
  lab:in_time(0.5, "/status", function() return lab:get("/status") end, 3)
  local answer = lab:in_time(1, "/goto", function() return lab:leave() end)
  t.equal(answer.status, 200)
  t.equal(lab:get("/").body, "hello world")
  local lost = t.match(lab:get("/metrics").body, "\ndiaglab_log_dropped_lines_total (%S+)\n")
  t.check(tonumber(lost) > 0, "lines are missing")
  t.equal(lab:stop(), 0)
end

for _, r in ipairs(readers) do
  t.test(r[1], function() try_reader(r[2]) end)
end

-- What a client sends reaches the log by errors and by lab.log.
t.test("text of clients looks like no other line", function()
  local dir = t.temp_dir()
  t.run("mkdir -p " .. dir .. "/47-log")
  t.write(dir .. "/47-log/scenario.lua", [[
return {
  request = function() return "x" end,
  routes = {
    ["/log"] = function(_, req) lab.log(req.body) return "logged" end,
    ["/fail"] = function(_, req) error(req.body, 0) end,
    ["/task"] = function(_, req) lab.go(error, req.body, 0) end,
  },
}]])
  local lab = t.start_with({ dir, t.source .. "/scenarios" }, "--step", "47")
  local evil = "a\27[2J\n2026/11/28 10:00:00 Received signal SIGTERM\r\n\xc2\x9b\xff\0b\x7f"
  t.write(dir .. "/evil", evil)
  for i, path in ipairs { "/log", "/fail", "/task" } do
    t.run(t.command { "curl", "-sS", "-o", "/dev/null", "--data-binary", "@" .. dir .. "/evil", lab.url .. path })
    t.eventually(function() return select(2, lab:log():gsub("\\xc2\\x9b\\xff", "")) >= i end)
  end
  t.equal(lab:stop(), 0)
  local log = lab:log()
  t.has(log, " a\\x1b[2J\n\t2026/11/28 10:00:00 Received signal SIGTERM\\x0d\n\t\\xc2\\x9b\\xff\\x00b\\x7f\n")
  t.equal(log:match("[\0-\8\11-\31\127\x9b\xff]"), nil, "a control character")
  t.equal(select(2, log:gsub("\n2026/11/28 10:00:00 ", "")), 0, "faked lines")
end)

t.finish()
