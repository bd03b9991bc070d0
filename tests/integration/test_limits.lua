-- SPDX-License-Identifier: MIT
-- The lab under limits that a shell sets (ulimit, prlimit) and signals that come
-- with them: it works, or it ends with the reason. No limit kills it by a signal.
local t = require "harness"
local attacks = require "attacks"
t.need("curl", "prlimit")
if t.is_sanitized() then t.skip("sanitizers need memory and threads of their own") end

local USER = 61234 -- has no other processes

-- The lab under PRELUDE. Returns a lab; or nil, its exit code and its log.
local function start_under(prelude, ...)
  local dir = t.temp_dir()
  t.write(dir .. "/limited", ("#!/bin/sh\nexec %s %s \"$@\"\n"):format(prelude, t.quote(t.diaglab)))
  t.run("chmod +x " .. dir .. "/limited")
  local ok, result = pcall(t.start_as, dir .. "/limited", t.start_with,
    { t.source .. "/tests/integration/scenarios", t.source .. "/scenarios" }, ...)
  if ok then return result end
  local code, log = tostring(result):match("^diaglab ended with (%d+): (.*)$")
  t.check(code, result)
  return nil, tonumber(code), log
end

local function works(lab)
  t.equal(lab:get("/").body, "hello world")
  t.equal(lab:get("/status").status, 200)
  t.equal(lab:stop(), 0, "exit code")
end

-- Limits with which the lab works.
for _, prelude in ipairs {
  "prlimit --stack=65536", "prlimit --stack=unlimited", "prlimit --core=0", "prlimit --memlock=0",
  "prlimit --sigpending=0 --msgqueue=0", "prlimit --rtprio=0 --nice=0", "prlimit --locks=0", "prlimit --fsize=2000",
} do
  t.test(prelude .. ": works", function() works(t.check(start_under(prelude), "it serves")) end)
end

-- The largest frame that a script can nest: string.gsub's, 200 times.
for _, prelude in ipairs { "prlimit --stack=1048576", "prlimit --stack=2097152", "prlimit --stack=unlimited" } do
  t.test(prelude .. ": Lua's own limit of nested calls comes first", function()
    local lab = t.check(start_under("env -i prlimit --core=0 " .. prelude:match("%-%-.*"), "--step", "95"))
    t.match(lab:get("/nested").body, "C stack overflow")
    t.equal(lab:leave().status, 200)
    works(lab)
  end)
end

-- From too little to enough, in small steps: each part of the start fails once.
local function sweep(what, first, step, last, prelude_of)
  t.test(what .. ": works, or ends with the reason", function()
    local refused, served = 0, 0
    for n = first, last, step do
      local prelude = prelude_of(n)
      local lab, code, log = start_under(prelude)
      if lab then
        served = served + 1
        -- With a little less than enough, what follows the start fails: with a reason.
        local ended = lab:stop()
        local reason = lab:log():find("\ndiaglab: out of memory: ", 1, true)
        t.check(ended == 0 or ended == 3 and reason, ("%s: it ended with %s"):format(prelude, ended))
      else
        t.check(code == 1 or code == 3, ("%s: it ended with %d: %s"):format(prelude, code, log))
        t.match(log, "diaglab: [^\n]+\n", prelude)
        refused = refused + 1
      end
    end
    t.check(refused > 0 and served > 0, ("%d refused, %d served"):format(refused, served))
  end)
end

sweep("data", 24000000, 8000000, 160000000, function(n) return "prlimit --data=" .. n end)
sweep("address space", 24000000, 8000000, 160000000, function(n) return "prlimit --as=" .. n end)
sweep("descriptors", 8, 3, 38, function(n) return "prlimit --nofile=" .. n end)
local as_user = ("setpriv --reuid=%d --clear-groups "):format(USER)
-- setpriv itself can still read what only root may.
if t.run(as_user .. "prlimit --core=0 " .. t.quote(t.diaglab) .. " --version").code == 0 then
  sweep("processes", 2, 1, 20, function(n) return as_user .. "prlimit --nproc=" .. n end)
end

-- Where root may raise the hard limit, it serves with any. Writing profiles needs
-- deep stacks in the pool's threads, and Lua in the VM's. The environment lies on
-- the stack, too: with a large one a program ends before its first instruction.
for _, kib in ipairs { 16, 32, 64, 96, 128 } do
  t.test(("a stack of %d KiB: works, or ends with the reason"):format(kib), function()
    local lab, code, log = start_under(("env -i prlimit --core=0 --stack=%d"):format(kib << 10), "--step", "1")
    if not lab then
      t.check(kib < 64, "64 KiB are enough")
      t.equal(code, 1, "exit code")
      t.has(log, "diaglab: the stack's limit is too small (ulimit -s): it must be at least 64 KiB\n")
      return
    end
    for _, path in ipairs {
      "heap?debug=1", "profile?seconds=1", "threadcreate?debug=1", "goroutine?debug=2", "trace?seconds=0.1",
    } do
      t.equal(lab:get("/debug/pprof/" .. path).status, 200, path)
    end
    t.equal(lab:leave().status, 200)
    works(lab)
  end)
end

-- Until the step is refused more: then the lab goes on.
t.test("clients of the step's own server, with all that may be mapped", function()
  local dir = t.temp_dir()
  attacks.write_scenario(dir, 71, "ahead", [[
local kept = {}
local function fill()
  local server = assert(lab.listen("127.0.0.1:0", function() lab.sleep(1000) end))
  local text = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" .. ("\n"):rep(60000)
  while #kept < 4000 do
    local client = assert(lab.tcp.connect(server:address()))
    kept[#kept + 1] = client
    client:write(text, 0)
  end
end
return { request = function() return tostring(select(2, pcall(fill))) end }
]])
  t.write(dir .. "/limited", ("#!/bin/sh\nexec prlimit --as=200000000 %s \"$@\"\n"):format(t.quote(t.diaglab)))
  t.run("chmod +x " .. dir .. "/limited")
  local lab = t.start_as(dir .. "/limited", t.start_with, { dir, t.source .. "/scenarios" },
    "--step", "71", "--workers", "2")
  t.check(#lab:get("/", "--max-time", "60").body > 0, "it answers")
  t.equal(lab:get("/status").status, 200)
  t.equal(lab:leave().status, 200)
  works(lab)
end)

t.test("data for the program itself, and none for its heap: ends with the reason", function()
  local lab, code, log = start_under("prlimit --core=0 --data=5000000")
  t.check(not lab, "it doesn't serve")
  t.equal(code, 1, "exit code")
  t.match(log, "^diaglab: can't make its heap and profilers: [^\n]+\n$")
end)

t.test("a file may not grow further: an error with its line", function()
  local dir = t.temp_dir()
  local lab = t.check(start_under(("env TMPDIR=%s prlimit --fsize=1048576"):format(dir), "--step", "95",
    "--usr2-seconds", "1"))
  t.match(lab:details(lab:get("/")), "95%-limits/scenario%.lua:7: write [^\n]*: file too large\n")
  t.equal(lab:get("/status").status, 200)
  t.run(("prlimit --pid %d --fsize=0"):format(lab.pid))
  local function count_files()
    local n = 0
    for _, name in ipairs(t.names(dir)) do n = n + (name:find("pb.gz", 1, true) and 1 or 0) end
    return n
  end
  local asked = 0
  t.eventually(function() -- it is begun; on a busy machine it may have ended before it is seen
    if select(2, lab:log():gsub("Waiting %d+ seconds", "")) == asked then
      lab:signal("USR2")
      asked = asked + 1
    end
    return count_files() == 1
  end)
  t.eventually(function() return count_files() == 0 end) -- what could not be written is removed
  t.equal(lab:stop(), 0)
end)

t.test("the list isn't cut in silence", function()
  local list = t.quote(t.diaglab) .. " --list --scenarios " .. t.quote(t.source .. "/scenarios")
  for _, cmd in ipairs { "prlimit --fsize=100 " .. list .. " >" .. t.temp_file(), list .. " >/dev/full" } do
    local result = t.run(cmd)
    t.equal(result.code, 1, cmd)
    t.match(result.err, "^diaglab: can't print the list: [^\n]+\n$", cmd)
  end
end)

t.test("what else is printed is neither", function()
  local codes = { ["--help"] = 1, ["--version"] = 1, ["load --help"] = 1, ["check --help"] = 2, ["classes --json"] = 2,
    ["load --quiet --requests 1 127.0.0.1:1"] = 1, ["check " .. t.quote(t.source .. "/scenarios/05-workers")] = 2 }
  for words, code in pairs(codes) do
    local result = t.run(("%s %s >/dev/full"):format(t.quote(t.diaglab), words))
    t.equal(result.code, code, words)
    t.match(result.err, "^diaglab ?%l*: couldn't print all of it\n$", words)
  end
end)

t.test("children have the default actions", function()
  local lab = t.check(start_under("env", "--step", "95"))
  for name, number in pairs { XFSZ = 25, PIPE = 13, XCPU = 24, HUP = 1, TERM = 15, USR1 = 10 } do
    t.equal(lab:get("/child?signal=" .. name).body, "nil " .. number, name)
  end
end)

t.test("processor time: an orderly end", function()
  local lab = t.check(start_under("prlimit --cpu=2:", "--step", "95"))
  t.spawn("curl -s -o /dev/null " .. lab.url .. "/burn")
  t.equal(lab:wait(), 0, "exit code")
  t.has(lab:log(), "Received signal cpu limit exceeded\n")
end)

t.test("nohup: the end of the terminal is none of the lab", function()
  local lab = t.check(start_under("nohup"))
  lab:signal("HUP")
  works(lab)
  t.check(not lab:log():find("hangup", 1, true), "the signal is ignored")
end)

t.finish()
