-- SPDX-License-Identifier: MIT
-- What an integration test needs: the program, HTTP, checks, and an end.
--
--   local t = require "harness"
--   t.need("go", "curl")                        skips the test where they miss
--
--   t.test("step 0 says hello", function()
--     local lab = t.start("--step", "0")        on a free port; waits until it serves
--     local answer = lab:get("/")               { status =, body =, headers =, seconds = }
--     t.equal(answer.body, "hello world")
--     t.equal(lab:stop(), 0)                    TERM, then the exit code
--   end)
--   t.long("a million times hello", ...)        likewise, but only where the
--                                               environment has LAB_LONG; also
--                                               t.long_measured
--   t.measured("half of the time", ...)         a test of what a measurement says:
--                                               three may fail before the test does,
--                                               for the machine may have stopped in
--                                               the midst of one. One that is wrong
--                                               is wrong each time.
--   t.finish()                                  prints the count, exits 0 or 1
--
-- Tests run beside others, and on machines that are busy with something else.
-- So they wait for a condition and not for seconds, and they compare what the
-- lab says with clocks that other programs can't bend: the CPU time of its own
-- threads, what it says elsewhere in the same run, counts and ranks.
--
-- Each t.test runs even if one before it failed; what it started is killed at
-- its end, and its log is shown if it failed. One in which the lab was late (see
-- in_time, end_in) is run again, up to three times in all: a machine that stops
-- for a second makes one late, and a lab that is slow is late each time.
--
-- The program under test:
--   t.start(flag...)            -> lab; t.start_with(scenario_dirs, flag...) adds
--                                  --scenarios for each
--   t.start_as(program, start, ...)  start(...), with PROGRAM in place of diaglab: a
--                                  script that sets limits, say
--   lab.url lab.port lab.pid    and all of shell.lua's program, and of moments.lua
--   lab:get(path[, option...])  further words are options of curl;
--   lab:post(path, body[, ...]) `headers` has lower-case names
--   lab:log()                   what it has logged so far, all of it
--   lab:wait_log(text[, s[, n]]) until the log has the plain text; N bytes are known
--   lab:details(answer)         of a request that failed: what the log says of it
--   lab:vars()                  /debug/vars as text -> field(name) -> number
--   lab:rss()                   resident bytes
--   lab:thread_cpu(prefix)      CPU seconds so far of the threads with such names
--   lab:starved(prefix)         seconds so far that threads with such names were
--                               ready to run and had no processor
--   lab:seconds_of(ask)         ask() -> answer: its seconds, without those that the
--                               control thread or the VM's was starved; the answer
--   lab:in_time(limit, what, ask[, attempts])
--                               ask() -> the answer, within so many such seconds
--   lab:wait_sent(program)      until a curl -v has sent its request
--   lab:end_in(limit[, signal]) after the signal, or TERM: likewise; the exit code
--   lab:has_thread(name)        is there a thread with such a name?
--   lab:wait_profiler([asker])  until a CPU or wall profile is being taken, or the
--                               asker has ended, so that it is over
--   lab:work(prefix, cpu)       until these threads have used so much more
--   lab:go_to(step[, option...])  switches -> the answer; lab:leave([option...])
--                               switches to step 0
--   t.is_sanitized()            is it a build for sanitizers?
--   t.diaglab, t.source         paths of the program and of the source tree
--
-- Checks raise, with the values in the message. `what` says what was wanted.
--   t.check(truth, what)               t.equal(got, want[, what])
--   t.near(got, want, within[, what])  t.between(got, low, high[, what])
--   t.has(text, plain[, what])         t.match(text, pattern[, what]) -> captures
--   t.eventually(f[, seconds])         until f() is true -> its result
--   t.enough(take, is_enough[, first]) take(seconds) with 1, 2, 4 ... seconds (or
--                                      twice the first, ...) until its results
--                                      are enough -> them
--
-- shell.lua's functions are here too (t.run, t.temp_dir, t.write, ...), and
-- pprof.lua as t.pprof.
local client = require "client"
local shell = require "shell"

local t = setmetatable({ pprof = require "pprof" }, { __index = shell })
t.diaglab = os.getenv("DIAGLAB")
t.source = os.getenv("SOURCE_DIR")

local SKIPPED = 77
local PATIENCE = 60 -- seconds; a busy machine takes long, but it gets there
local LONG = os.getenv("LAB_LONG") ~= nil
local LATE = "late: " -- in the message of who was
local MOST_RUNS = 3
local passed, failed = 0, 0
local started = {}

-- Builds for sanitizers: their cores would have terabytes of shadow memory.
function t.is_sanitized()
  return shell.run("grep -qE '__(asan|tsan)_init' " .. shell.quote(t.diaglab)).code == 0
end

-- ---- checks -------------------------------------------------------------------

local function show(v)
  if type(v) ~= "string" then return tostring(v) end
  if #v > 2000 then v = v:sub(1, 2000) .. "..." end
  return ("%q"):format(v)
end

local function fail(what, format, ...)
  error((what and what .. ": " or "") .. format:format(...), 3)
end

function t.check(truth, what)
  if not truth then fail(nil, "%s", what or "check failed") end
  return truth
end

function t.equal(got, want, what)
  if got ~= want then fail(what, "got %s, wanted %s", show(got), show(want)) end
end

function t.between(got, low, high, what)
  if not (got and got >= low and got <= high) then
    fail(what, "got %s, wanted %s to %s", show(got), show(low), show(high))
  end
end

function t.near(got, want, within, what)
  if not (got and math.abs(got - want) <= within) then
    fail(what, "got %s, wanted %s within %s", show(got), show(want), show(within))
  end
end

function t.has(text, plain, what)
  if not (text and text:find(plain, 1, true)) then
    fail(what, "%s isn't in %s", show(plain), show(text))
  end
end

function t.match(text, pattern, what)
  if not (text and text:find(pattern)) then
    fail(what, "%s doesn't match %s", show(text), show(pattern))
  end
  return text:match(pattern)
end

function t.eventually(f, seconds)
  seconds = seconds or PATIENCE
  local give_up, pause = shell.now() + seconds, 0.02
  repeat
    local result = f()
    if result then return result end
    shell.sleep(pause)
    pause = math.min(1.3 * pause, 0.1)
  until shell.now() > give_up
  fail(nil, "still not so after %g seconds", seconds)
end

-- On a busy machine a second of profile may have no samples.
function t.enough(take, is_enough, first)
  local seconds = first or 1
  while seconds <= 64 do
    local results = table.pack(take(seconds))
    if is_enough(table.unpack(results, 1, results.n)) then return table.unpack(results, 1, results.n) end
    seconds = 2 * seconds
  end
  fail(nil, "still not enough after %d seconds", seconds // 2)
end

-- ---- HTTP ---------------------------------------------------------------------

local function parse_headers(text)
  local headers, status = {}, nil
  for line in text:gmatch("[^\r\n]+") do
    local code = line:match("^HTTP/%S+ (%d+)")
    if code then
      status, headers = math.tointeger(code), {} -- after 100 Continue comes another
    else
      local name, value = line:match("^([^:]+):%s*(.*)$")
      if name then headers[name:lower()] = value end
    end
  end
  return status, headers
end

-- http(url, option...): status is nil, and failure says why, where there was no
-- answer. Options are curl's; for the usual ones no process is needed.
function t.http(url, ...)
  local answer
  if select("#", ...) == 0 then answer = client.get(url) else answer = client.request(url, { ... }) end
  if answer then return answer end
  local base = shell.temp_file()
  local words = { "curl", "-sS", "-D", base .. ".headers", "-o", base .. ".body",
    "-w", "%{time_total}", "--max-time", "120", ... }
  words[#words + 1] = url
  local result = shell.run(shell.command(words))
  answer = { seconds = tonumber(result.out), body = shell.take(base .. ".body") or "" }
  if result.code ~= 0 then answer.failure = result.err end
  answer.status, answer.headers = parse_headers(shell.take(base .. ".headers") or "")
  return answer
end

-- ---- the program --------------------------------------------------------------

local lab = {}

function lab:get(path, ...) return t.http(self.url .. path, ...) end

function lab:post(path, body, ...)
  return t.http(self.url .. path, "--data-binary", body, ...)
end

-- Its threads now: { folder = of /proc, name = a line }.
local function threads_of(self)
  local threads = {}
  local process = ("/proc/%d/task/"):format(self.pid)
  for _, id in ipairs(shell.names(process)) do
    local name = shell.read(process .. id .. "/comm")
    if name then threads[#threads + 1] = { folder = process .. id, name = name } end
  end
  return threads
end

-- An answer may be here before the lines of its request are: their writer gathers
-- lines for a moment. It waits for a futex when it has written all. (202 and 98
-- are the numbers of that call on x86-64 and arm64.)
local function has_written_all(self)
  for _, thread in ipairs(threads_of(self)) do
    if thread.name == "log\n" then
      local call = (shell.read(thread.folder .. "/syscall") or "98 "):match("^%S+")
      return call == "202" or call == "98"
    end
  end
  return true -- it has ended, or is just beginning
end

function lab:log()
  local give_up = shell.now() + 10 -- perhaps nobody reads what it writes
  while not has_written_all(self) and shell.now() < give_up do shell.sleep(0.01) end
  return self.program:err()
end

function lab:wait_log(text, seconds, from)
  local next_part, last = self.program:err_parts(from), ""
  return t.eventually(function()
    for part in next_part do
      last = last .. part
      if last:find(text, 1, true) then return true end
      last = last:sub(-#text)
    end
  end, seconds)
end

function lab:vars()
  local text = self:get("/debug/vars").body
  return function(name)
    return tonumber((text:match('"' .. name .. '":%s*(%-?[%d.eE+-]+)')))
  end
end

function lab:rss()
  local status = shell.read("/proc/" .. self.pid .. "/status")
  return tonumber(status:match("VmRSS:%s*(%d+) kB")) * 1024
end

-- The sum of FIELD of /proc/PID/task/*/schedstat: 1 is nanoseconds on a
-- processor, 2 those of waiting for one.
local function sum_schedstat(self, prefix, field)
  local sum = 0
  for _, thread in ipairs(threads_of(self)) do
    local stat = shell.read(thread.folder .. "/schedstat")
    if stat and thread.name:sub(1, #prefix) == prefix then
      sum = sum + tonumber(({ stat:match("^(%d+) (%d+)") })[field])
    end
  end
  return sum / 1e9
end

function lab:thread_cpu(prefix) return sum_schedstat(self, prefix, 1) end

function lab:starved(prefix) return sum_schedstat(self, prefix, 2) end

-- The same seconds of this process.
local function starved_here()
  return tonumber((shell.read("/proc/self/schedstat") or "0 0"):match("^%d+ (%d+)")) / 1e9
end

-- Calls f; returns the seconds that this process was ready to run meanwhile and had
-- no processor, and those of the control thread or the VM's, the larger of both;
-- and f's results.
local function while_starved(self, f)
  local control, vm, here = self:starved("diaglab"), self:starved("vm"), starved_here()
  local results = table.pack(f())
  here = starved_here() - here
  if not self:alive() then return here, table.unpack(results, 1, results.n) end
  return here + math.max(self:starved("diaglab") - control, self:starved("vm") - vm, 0),
    table.unpack(results, 1, results.n)
end

-- The seconds of ask()'s answer, without those of being starved, and the answer.
function lab:seconds_of(ask)
  local starved, answer = while_starved(self, ask)
  return math.max(0, answer.seconds - starved), answer
end

-- Of what a caller can ask for again there may be more than one attempt.
function lab:in_time(limit, what, ask, attempts)
  local answer, took
  for _ = 1, attempts or 1 do
    took, answer = self:seconds_of(ask)
    if took <= limit then return answer end
  end
  fail(what, LATE .. "%g s, and %g s without waiting for a processor; wanted %g s", answer.seconds, took, limit)
end

function lab:end_in(limit, signal)
  local starved, began = 0, shell.now()
  self:signal(signal or "TERM")
  while self:alive() and shell.now() < began + PATIENCE do
    starved = starved + while_starved(self, function() shell.sleep(0.02) end)
  end
  local seconds = shell.now() - began
  t.check(seconds - starved <= limit, (LATE .. "it took %.2f s to end, %.2f s of them without a processor; wanted %g s")
    :format(seconds, starved, limit))
  return self:code()
end

function lab:has_thread(name)
  for _, thread in ipairs(threads_of(self)) do
    if thread.name:find(name, 1, true) then return true end
  end
  return false
end

function lab:wait_profiler(asker)
  t.eventually(function() return self:has_thread("profiler") or asker and not asker:alive() end)
end

function lab:wait_sent(program)
  t.eventually(function() return program:err():find("> %u+ /") end)
end

function lab:work(prefix, cpu)
  local stop = self:thread_cpu(prefix) + cpu
  t.eventually(function() return self:thread_cpu(prefix) >= stop end)
end

function lab:details(answer)
  local id = t.match(answer.body, "^internal server error %(request id (%d+)%)\n$")
  local begin = "request id " .. id .. ": request "
  self:wait_log(begin)
  local text = self:log():match("\n[%d/: ]+" .. begin .. "%S+ failed: ([^\0]*)")
  return (text:match("^(.-\n)stack traceback:") or text):match("^(.-\n)%d+/%d+/%d+ ") or
    text:match("^(.-\n)stack traceback:") or text
end

-- A machine so busy that the VM's thread doesn't run at all for 90 ms gives an
-- answer that says so; any other is the lab's.
function lab:leave(...) return self:go_to(0, ...) end

function lab:go_to(step, ...)
  local answer
  for _ = 1, 10 do
    answer = self:get("/goto?step=" .. step, ...)
    if not answer.body:find("the machine is too busy", 1, true) then break end
    print("     tried again, after " .. answer.body)
  end
  return answer
end

function lab:signal(name) return self.program:signal(name) end

function lab:wait(seconds) return self.program:wait(seconds) end

function lab:code() return self.program:code() end

function lab:alive() return self.program:alive() end

function lab:stop(seconds)
  self:signal("TERM")
  return self:wait(seconds or PATIENCE)
end

lab.__index = require "moments"(lab, t)

-- The program, with C code that can't be interrupted (stuck.c) if the test has
-- called t.with_stuck.
local before = {}
function t.with_stuck()
  local library = os.getenv("STUCK")
  if not library then t.skip("STUCK isn't set") end
  before = { "env", "LD_PRELOAD=" .. library, "ASAN_OPTIONS=verify_asan_link_order=0", table.unpack(before) }
end

-- Port 0: the log says which one it got. It may listen on 127.0.0.1 and ::1.
function t.start(...)
  local words = table.move({ t.diaglab, "--listen", "127.0.0.1:0", ... }, 1, select("#", ...) + 3, #before + 1,
    { table.unpack(before) })
  local program = shell.spawn(shell.command(words))
  local self = setmetatable({ program = program, pid = program.pid }, lab)
  started[#started + 1] = self
  self.port = t.eventually(function()
    if not program:alive() then
      error(("diaglab ended with %d: %s"):format(program:code(), program:err()), 0)
    end
    return program:err():match("HTTP server started on %S*:(%d+)%s")
  end)
  self.url = "http://127.0.0.1:" .. self.port
  return self
end

function t.start_as(program, start, ...)
  local own = t.diaglab
  t.diaglab = program
  local ok, started_lab = pcall(start, ...)
  t.diaglab = own
  return ok and started_lab or error(started_lab, 0)
end

function t.start_with(dirs, ...)
  local words = {}
  for _, dir in ipairs(dirs) do
    words[#words + 1] = "--scenarios"
    words[#words + 1] = dir
  end
  return t.start(table.unpack(table.move({ ... }, 1, select("#", ...), #words + 1, words)))
end

-- ---- running ------------------------------------------------------------------

function t.skip(why)
  print("skipped: " .. why)
  shell.clean()
  os.exit(SKIPPED)
end

function t.need(...)
  for _, tool in ipairs { ... } do
    if not shell.have(tool) then t.skip("there is no " .. tool) end
  end
end

-- A log under load has a line for each request: its ends say what went wrong.
local SHOWN = 4000
local function show_logs()
  for _, self in ipairs(started) do
    local log = self:log()
    print("--- " .. self.program.cmd)
    if #log > 2 * SHOWN then
      log = ("%s\n... %d bytes ...\n%s"):format(log:sub(1, SHOWN), #log - 2 * SHOWN, log:sub(-SHOWN))
    end
    print(log)
  end
end

-- Runs BODY, and again while may_run_again(its message) and there is a run left.
local function run_body(body, may_run_again)
  for run = 1, MOST_RUNS do
    started = {}
    local ok, message = xpcall(body, debug.traceback)
    if ok or run == MOST_RUNS or not may_run_again(tostring(message)) then return ok, message end
    print("     once more, after " .. tostring(message):match("[^\n]*"))
    shell.clean()
  end
end

local function was_late(message) return message:find(LATE, 1, true) end

local function run_test(name, body, may_run_again)
  local began = shell.now()
  local ok, message = run_body(body, may_run_again or was_late)
  print(("%s %s (%.1f s)"):format(ok and "ok  " or "FAIL", name, shell.now() - began))
  if ok then
    passed = passed + 1
  else
    failed = failed + 1
    print(message)
    show_logs()
  end
  io.stdout:flush()
  shell.clean()
end

function t.test(name, body)
  if not LONG then run_test(name, body) end
end

function t.long(name, body)
  if LONG then run_test(name, body) end
end

function t.measured(name, body)
  if not LONG then run_test(name, body, function() return true end) end
end

function t.long_measured(name, body)
  if LONG then run_test(name, body, function() return true end) end
end

function t.finish()
  print(("%d passed, %d failed"):format(passed, failed))
  os.exit(failed == 0 and passed > 0)
end

return t
