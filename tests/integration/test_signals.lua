-- SPDX-License-Identifier: MIT
-- Signals: each one is answered while everything else goes on, and none is
-- lost, whatever the lab is busy with.
local t = require "harness"
t.need("curl")
t.with_stuck()

local LIMIT = 2

-- Tasks 2 and 3 sleep; "/" sleeps too; "/stuck" is minutes in C.
local SCENARIO = [[
local function waiting() lab.sleep(1000) end
return {
  enter = function() for _ = 1, 2 do lab.go(waiting) end end,
  request = function() waiting() end,
  routes = { ["/many"] = function() for _ = 1, 50000 do lab.go(waiting) end end,
    ["/busy"] = function() local till = lab.now() + 30 while lab.now() < till do end end,
    ["/child"] = function() return tostring(assert(lab.spawn { "sh", "-c", "exit 7" }):wait()) end,
    ["/stuck"] = function() return ("x"):find("stuck 3600", 1, true) end },
}
]]

-- The lab in step 50, with temporary files and cores in lab.dir; SETUP is what
-- a shell does first.
local function start(setup, ...)
  local dir = t.temp_dir()
  t.run("mkdir " .. dir .. "/50-sig")
  t.write(dir .. "/50-sig/scenario.lua", SCENARIO)
  t.write(dir .. "/start", ("#!/bin/sh\ncd %s && %s\nexec %s \"$@\"\n"):format(dir, setup, t.quote(t.diaglab)))
  t.run("chmod +x " .. dir .. "/start")
  local lab = t.start_as(dir .. "/start", t.start_with, { dir, t.source .. "/scenarios" }, "--step", "50", ...)
  lab.dir = dir
  return lab
end

local TMP = "export TMPDIR=$PWD"
local CORE_BLOCKS = 4000000 -- 2 GB: more would be a mistake
local CORE = "ulimit -c " .. CORE_BLOCKS
local NO_CORE = "ulimit -c 0"

-- Is in C, or asleep, when this returns.
local function request(lab, path)
  local before = select(2, lab:log():gsub("Starting processing", ""))
  t.spawn(("curl -s -o /dev/null %s%s"):format(lab.url, path))
  t.eventually(function() return select(2, lab:log():gsub("Starting processing", "")) > before end)
  if path == "/stuck" then lab:work("vm", 0.05) else lab:wait_tasks("sleep", 3) end
end

local function count(text, pattern)
  return select(2, text:gsub(pattern, ""))
end

-- Call it at once after the signal.
local function ends(lab, code, seconds)
  t.equal(lab:end_in(seconds or LIMIT + 0.5, "0"), code, "exit code") -- 0.5: to notice
end

local function logged_profiles(lab)
  local paths = {}
  for path in lab:log():gmatch("Done collecting a [%d.]+ seconds CPU profile in (%S+)\n") do
    paths[#paths + 1] = path
  end
  return paths
end

-- ---- USR2 ------------------------------------------------------------------------

t.test("USR2: a CPU profile in a file, while everything goes on", function()
  local lab = t.enough(function(seconds)
    local lab = start(TMP, "--usr2-seconds", seconds)
    lab:signal("USR2")
    lab:wait_log("Received signal user defined signal 2\n")
    lab:wait_log(("Waiting %d seconds to collect a CPU profile...\n"):format(seconds))
    t.equal(lab:go_to("4&rounds=1").body, "switched to step 4")
    t.equal(lab:get("/").body, "hello world")
    local whole = not lab:log():find("Done collecting", 1, true)
    t.equal(lab:get("/debug/pprof/profile?seconds=1").status, 200, "another profile at the same time")
    lab:wait_log(("Done collecting a %d seconds CPU profile in %s/diaglab-cpu-profile-"):format(seconds, lab.dir))
    return lab, whole
  end, function(_, whole) return whole end, 2)
  local path = logged_profiles(lab)[1]
  t.equal(t.run("stat -c %a " .. path).out, "600\n")
  local profile = t.pprof.parse and t.pprof.parse(t.read(path))
  t.check(profile == nil or profile)
  t.equal(t.run("gzip -t <" .. path).code, 0)
  if t.have("go") then
    t.has(t.run("go tool pprof -top " .. path).out, "export.allocateMemory")
  end
  t.equal(lab:stop(), 0)
end)

t.test("two USR2 in a row: a profile each", function()
  local lab = start(TMP, "--usr2-seconds", "1")
  for n = 1, 2 do
    lab:signal("USR2")
    t.eventually(function() return count(lab:log(), "Waiting 1 seconds") == n end)
  end
  t.eventually(function() return #logged_profiles(lab) == 2 end)
  local a, b = table.unpack(logged_profiles(lab))
  t.check(a ~= b and t.read(a) and t.read(b))
end)

t.test("USR2 without a place for the file", function()
  local lab = start("export TMPDIR=/nowhere")
  lab:signal("USR2")
  lab:wait_log("failed to create temporary file /nowhere/")
  t.equal(lab:go_to(0).body, "switched to step 0")
end)

t.test("TERM during USR2: it ends early and is whole", function()
  local lab = start(TMP, "--usr2-seconds", "600")
  lab:signal("USR2")
  lab:wait_log("Waiting 600 seconds")
  t.sleep(1)
  lab:signal("TERM")
  ends(lab, 0)
  local path = t.check(logged_profiles(lab)[1], "it is logged")
  t.equal(t.run("gzip -t <" .. path).code, 0)
end)

t.test("TERM during USR2 and a stuck step", function()
  local lab = start(TMP, "--usr2-seconds", "600")
  request(lab, "/stuck")
  lab:signal("USR2")
  lab:wait_log("Waiting 600 seconds")
  lab:signal("TERM")
  ends(lab, 0)
  for path in t.run("ls " .. lab.dir).out:gmatch("[^\n]+%.gz") do
    t.equal(t.run("gzip -t <" .. lab.dir .. "/" .. path).code, 0, "no half file")
  end
end)

-- ---- the start -------------------------------------------------------------------

t.test("a parent that ignores CHLD, and blocks PROF and URG", function()
  if t.run("env --ignore-signal=CHLD --block-signal=PROF true").code ~= 0 then t.skip("env can't block signals") end
  local lab = start(("exec env --ignore-signal=CHLD --block-signal=PROF --block-signal=URG %s \"$@\"")
    :format(t.quote(t.diaglab)))
  t.equal(lab:get("/child").body, "7")
  t.equal(lab:get("/steps").status, 200)
  local busy = t.spawn(("curl -s -o /dev/null %s/busy"):format(lab.url))
  lab:work("vm", 0.05)
  t.equal(lab:get("/child").body, "7")
  t.check(busy:alive(), "others have their turn, because slices end")
  t.enough(function(seconds)
    return lab:get("/debug/pprof/profile?debug=collapsed&seconds=" .. seconds).body
  end, function(text) return text:find("lab.now", 1, true) end)
  t.equal(lab:stop(), 0)
end)

-- Sends signals after main has begun, and before there is a lab that answers them.
local EARLY = [[
#define _GNU_SOURCE
#include <dlfcn.h>
#include <getopt.h>
#include <signal.h>
#include <unistd.h>
int getopt_long_only(int argc, char *const *argv, const char *words, const struct option *flags, int *i) {
  static int sent;
  int (*next)(int, char *const *, const char *, const struct option *, int *);
  *(void **)&next = dlsym(RTLD_NEXT, "getopt_long_only");
  if (!sent++) {
    kill(getpid(), SIGUSR1);
    kill(getpid(), SIGUSR2);
    kill(getpid(), SIGRTMIN);
  }
  return next(argc, argv, words, flags, i);
}
]]

t.test("signals that come during the start wait for the lab", function()
  local dir = t.temp_dir()
  t.write(dir .. "/early.c", EARLY)
  local made = t.run(("cc -shared -fPIC -o %s/early.so %s/early.c -ldl"):format(dir, dir))
  if made.code ~= 0 then t.skip("can't make a library for LD_PRELOAD: " .. made.err) end
  local lab = start(TMP .. " && export LD_PRELOAD=" .. dir .. "/early.so")
  for _, name in ipairs { "user defined signal 1", "user defined signal 2", "real-time signal 0" } do
    lab:wait_log("Received signal " .. name .. "\n")
  end
  t.equal(lab:stop(), 0)
end)

-- ---- RTMIN -----------------------------------------------------------------------

local function traces_in(lab) return t.run("ls " .. lab.dir .. "/diaglab-trace-* 2>/dev/null").out end

for signal, code in pairs { TERM = 0, ABRT = 128 + 6 } do
  t.test("RTMIN ten times and a stuck step, then " .. signal .. ": no half file", function()
    local lab = start(NO_CORE .. " && " .. TMP)
    request(lab, "/stuck")
    for n = 1, 10 do
      lab:signal("RTMIN")
      t.eventually(function() return count(lab:log(), "Received signal real%-time signal 0") == n end)
    end
    t.equal(count(lab:log(), "8 files diaglab%-trace are being written: not another one\n"), 2)
    t.equal(count(traces_in(lab), "\n"), 8)
    lab:signal(signal)
    ends(lab, code)
    t.equal(traces_in(lab), "")
  end)
end

-- ---- USR1 ------------------------------------------------------------------------

-- The tasks in TEXT, "state at function" each.
local function shown(text)
  local list = {}
  for state, name in text:gmatch("goroutine %d+ %[([^%],]+)[^\n]*%]:\n[^\n]*\n[^\n]*\n([%w_.]+)") do
    list[#list + 1] = state .. " in " .. name
  end
  table.sort(list)
  return table.concat(list, ", ")
end

t.test("USR1: the stacks of all tasks in the log", function()
  local lab = start(TMP)
  request(lab, "/")
  lab:signal("USR1")
  lab:wait_log("Received signal user defined signal 1\n")
  t.eventually(function() return count(lab:log(), "goroutine %d+ %[") == 3 end)
  t.equal(shown(lab:log()), "sleep in sig.waiting, sleep in sig.waiting, sleep in sig.waiting")
  t.match(lab:log(), "main%.doSomeBusinessLogic[^\n]*\n\t%S+main%.lua:%d+")
  local same = lab:get("/debug/pprof/goroutine?debug=2").body
  t.equal(shown(same), shown(lab:log()), "as the endpoint says")
end)

-- Dumps in LOG, and the signals that they answer together.
local function answered(log)
  local dumps = count(log, "Tasks 1 to ") + count(log, "No tasks\n")
  local merged = 0
  for n in log:gmatch("(%d+) signals are answered by these stacks") do merged = merged + n - 1 end
  return dumps, dumps + merged
end

t.test("USR1 in a burst: all are answered, the last one by stacks taken after it", function()
  local lab = start(TMP)
  t.run(("for i in 1 2 3 4 5 6 7 8 9 10; do kill -USR1 %d; done"):format(lab.pid))
  t.sleep(0.5)
  t.eventually(function()
    local log = lab:log()
    local received = count(log, "Received signal user defined signal 1")
    local last = log:match(".*Received signal user defined signal 1(.*)")
    return received >= 1 and select(2, answered(log)) == received and last:find("Tasks 1 to ", 1, true)
  end)
end)

t.test("USR1 with many tasks: the log has them all", function()
  local lab = start(TMP)
  t.equal(lab:get("/many").status, 200)
  lab:signal("USR1")
  lab:wait_log(" to 50002 of 50002:\n")
  t.eventually(function() return count(lab:log(), "goroutine %d+ %[") == 50002 end)
end)

t.test("USR1 while the VM is stuck in C: the log says where", function()
  local lab = start(TMP)
  request(lab, "/stuck")
  lab:signal("USR1")
  t.eventually(function() return lab:log():match("The stacks follow when the VM can be asked: it is in %S+\n") end)
  lab:signal("TERM")
  ends(lab, 0)
end)

-- ---- all of them -----------------------------------------------------------------

t.test("USR2, USR1, TERM in a row: none waits for another", function()
  local lab = start(TMP, "--usr2-seconds", "600")
  t.run(("kill -USR2 %d; kill -USR1 %d; kill -TERM %d"):format(lab.pid, lab.pid, lab.pid))
  ends(lab, 0)
  for _, name in ipairs { "user defined signal 2", "user defined signal 1", "terminated" } do
    t.has(lab:log(), "Received signal " .. name .. "\n")
  end
  t.equal(#logged_profiles(lab), 1)
end)

t.test("TERM in the middle of a flood", function()
  local lab = start(TMP)
  local flood = t.spawn(("sh -c 'while kill -USR1 %d; do :; done' 2>/dev/null"):format(lab.pid))
  t.sleep(0.5)
  lab:signal("TERM")
  ends(lab, 0)
  flood:wait()
end)

t.test("signals under load", function()
  local lab = start(TMP, "--usr2-seconds", "1")
  lab:go_to(0)
  local load = t.spawn(("sh -c 'while curl -sf -o /dev/null %s/; do :; done'"):format(lab.url))
  lab:signal("USR2")
  lab:signal("USR1")
  t.eventually(function() return #logged_profiles(lab) == 1 and answered(lab:log()) > 0 end)
  lab:signal("TERM")
  ends(lab, 0)
  load:wait()
end)

-- ---- ABRT ------------------------------------------------------------------------

local pattern = t.read("/proc/sys/kernel/core_pattern") or "|"
local is_file = not pattern:find("^|") and not pattern:find("/")

-- The core file of LAB, which has ended, or nil where they go elsewhere.
local function core_of(lab)
  if not is_file then return nil end
  local name = t.run("cd " .. lab.dir .. " && ls -d core* 2>/dev/null").out:match("[^\n]+")
  return t.check(name and lab.dir .. "/" .. name, "there is a core file")
end

-- A program with a sanitizer makes none, and whoever started the tests may have
-- forbidden them.
local function may_have_core()
  local most = t.run("ulimit -H -c").out:match("%S+")
  return not t.is_sanitized() and (most == "unlimited" or tonumber(most) >= CORE_BLOCKS)
end

t.test("ABRT: stacks, then a core that gdb reads", function()
  local lab = start(may_have_core() and CORE or NO_CORE)
  request(lab, "/")
  lab:signal("ABRT")
  ends(lab, 128 + 6)
  t.match(lab:log(), "Received signal aborted\n[^\n]* SIGABRT: abort\n")
  t.equal(shown(lab:log()), "sleep in sig.waiting, sleep in sig.waiting, sleep in sig.waiting")
  if not may_have_core() then return end
  t.match(lab:log(), "core: see /proc/sys/kernel/core_pattern[^\n]*\n$")
  local core = core_of(lab)
  if not (core and t.have("gdb")) then return end
  local text = t.run(t.command { "gdb", "-q", "--batch", "-ex", "source " .. t.source .. "/tools/gdb/diaglab-gdb.py",
    "-ex", "lab tasks", t.diaglab, core }).out
  t.equal(count(text, "%d+ +sleep +0 +%S+ +%S+/50%-sig/scenario%.lua:1\n"), 3, text)
end)

t.test("ABRT without a core", function()
  local lab = start(NO_CORE)
  lab:signal("ABRT")
  ends(lab, 128 + 6)
  if is_file then t.has(lab:log(), "no core: its size is limited to 0 (ulimit -c unlimited)\n") end
  t.equal(t.run("ls -d " .. lab.dir .. "/core*").out, "")
end)

-- What it is in can't be told where the machine hardly runs it.
local function says_where(log)
  t.match(log, "The stacks can't be had: the VM is in [^\n]+\n")
  return log:match("The stacks can't be had: the VM is in %S+\n")
end

t.test("ABRT while the VM is stuck in C", function()
  t.enough(function()
    local lab = start(NO_CORE)
    request(lab, "/stuck")
    lab:signal("ABRT")
    ends(lab, 128 + 6)
    return says_where(lab:log())
  end, function(where) return where end)
end)

t.test("ABRT while USR1's stacks wait for a VM that is stuck", function()
  t.enough(function()
    local lab = start(NO_CORE)
    request(lab, "/stuck")
    lab:signal("USR1")
    lab:wait_log("The stacks follow when the VM can be asked")
    lab:signal("ABRT")
    ends(lab, 128 + 6)
    t.match(lab:log(), "Received signal aborted\n[^\n]* SIGABRT: abort\n")
    return says_where(lab:log())
  end, function(where) return where end)
end)

t.test("ABRT during USR2, and twice", function()
  local lab = start(NO_CORE .. " && " .. TMP, "--usr2-seconds", "600")
  lab:signal("USR2")
  lab:wait_log("Waiting 600 seconds")
  lab:signal("ABRT")
  ends(lab, 128 + 6)
  t.equal(t.run("ls " .. lab.dir .. "/*.pb.gz").out, "", "no empty profile is left")
  lab = start(NO_CORE)
  t.run(("kill -ABRT %d; kill -ABRT %d"):format(lab.pid, lab.pid))
  ends(lab, 128 + 6)
end)

t.test("a crash names the signal and the thread, and keeps its exit", function()
  if t.is_sanitized() then return end -- it has its own report
  local lab = start(NO_CORE)
  lab:signal("SEGV")
  ends(lab, 128 + 11)
  t.match(lab:log(), "\nSIGSEGV: segmentation violation\nthread=control LWP=%d+\n")
  t.match(lab:log(), "\n\t0x%x+ main%+0x%x+\n")
end)

t.finish()
