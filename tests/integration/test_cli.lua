-- SPDX-License-Identifier: MIT
-- The command line: what it says, what it refuses, where it listens.
local t = require "harness"
t.need("curl")

local function run(...)
  return t.run(t.command { t.diaglab, ... })
end

t.test("help and version", function()
  for _, flag in ipairs { "--help", "-help" } do
    local help = run(flag)
    t.equal(help.code, 0)
    t.equal(help.err, "")
    for _, word in ipairs { "--listen", "--host", "--step", "--param", "--scenarios", "--workers",
      "--memprofile-rate", "--blockprofile-rate", "--mutexprofile-fraction", "--scavenge", "--log-file", "--version", "curl localhost:6060/" } do
      t.has(help.out, word)
    end
    for line in help.out:gmatch("[^\n]*") do t.check(#line <= 80, line) end
  end
  local version = run("--version")
  t.equal(version.code, 0)
  t.match(version.out, "^diaglab %d+%.%d+%.%d+")
end)

t.test("wrong usage is told, with exit code 2", function()
  local cases = {
    { { "--nope" }, "--nope" },
    { { "extra" }, 'unexpected argument "extra"' },
    { { "--step" }, "--step" },
    { { "--step", "x" }, '--step: "x" is not a number from 0 to 9999' },
    { { "--step", "10000" }, "--step" },
    { { "--step", "-1" }, "--step" },
    { { "--listen", "6060" }, "--listen" },
    { { "--listen", "localhost:" }, "--listen" },
    { { "--listen", "localhost:70000" }, "--listen" },
    { { "--listen", "::1:6060" }, "--listen" },
    { { "--param", "size=1" }, '--param: "size=1" is not of the form N.key=value' },
    { { "--param", "4.rounds" }, "--param" },
    { { "--param", "4.1st=2" }, "--param" },
    { { "--host", "" }, "--host" },
    { { "--workers", "0" }, "--workers" },
    { { "--scavenge", "soon" }, "--scavenge" },
    { { "--memprofile-rate", "-1" }, "--memprofile-rate" },
    { { "--blockprofile-rate", "all" }, "--blockprofile-rate" },
    { { "--mutexprofile-fraction", "-2" }, "--mutexprofile-fraction" },
  }
  for _, case in ipairs(cases) do
    local result = run(table.unpack(case[1]))
    local what = table.concat(case[1], " ")
    t.equal(result.code, 2, what)
    t.has(result.err, case[2], what)
    t.has(result.err, "diaglab --help", what)
    t.equal(result.out, "", what)
  end
end)

t.test("what fails at run time is told, with exit code 1", function()
  local lab = t.start()
  local taken = "127.0.0.1:" .. lab.port
  local cases = {
    { { "--listen", taken }, "diaglab: can't listen on " .. taken .. ": address already in use" },
    { { "--listen", "localhost:" .. lab.port }, "can't listen on " .. taken },
    { { "--listen", "192.0.2.1:0" }, "can't listen on 192.0.2.1:0: " },
    { { "--log-file", "/nowhere/log" }, "/nowhere/log: No such file or directory" },
    { { "--scenarios", "/nowhere" }, "/nowhere: No such file or directory" },
    { { "--scenarios", t.diaglab }, "is not a folder" },
    { { "--listen", "127.0.0.1:0", "--step", "9998" }, "Invalid step 9998" },
    { { "--listen", "127.0.0.1:0", "--step", "4", "--param", "4.rounds=many" }, "rounds" },
  }
  for _, case in ipairs(cases) do
    local result = run(table.unpack(case[1]))
    local what = table.concat(case[1], " ")
    t.equal(result.code, 1, what)
    t.has(result.err, case[2], what)
  end
end)

t.test("a parameter for a step that isn't there is warned of", function()
  local lab = t.start("--param", "9998.n=1", "--param", "4.rounds=1")
  lab:wait_log("--param 9998.n=1: there is no step 9998 yet")
  t.check(not lab:log():find("--param 4", 1, true), "no warning of step 4")
  t.equal(lab:stop(), 0)
end)

-- Starts the program with --listen ADDRESS; its port, by the log.
local function listen(address, pattern)
  local program = t.spawn(t.command { t.diaglab, "--listen", address })
  return t.eventually(function()
    t.check(program:alive(), program:err())
    return program:err():match("HTTP server started on " .. pattern .. "\n")
  end), program
end

local function serves(url)
  return t.http(url, "--globoff").body == "hello world"
end

local has_ip6 = (t.read("/proc/net/if_inet6") or ""):find("00000000000000000000000000000001") ~= nil

t.test("listening addresses", function()
  local port = listen("localhost:0", "127%.0%.0%.1:(%d+)")
  t.check(serves("http://127.0.0.1:" .. port .. "/"))
  t.check(not has_ip6 or serves("http://[::1]:" .. port .. "/"))

  port = listen(":0", "%S*:(%d+)")
  t.check(serves("http://127.0.0.1:" .. port .. "/"))
  t.check(not has_ip6 or serves("http://[::1]:" .. port .. "/"))

  if has_ip6 then
    port = listen("[::1]:0", "%[::1%]:(%d+)")
    t.check(serves("http://[::1]:" .. port .. "/"))
    t.check(t.http("http://127.0.0.1:" .. port .. "/").failure)
  end
end)

t.test("a port that was given is named as it was given", function()
  local other = t.free_port()
  local name = listen("localhost:" .. other, "(localhost:%d+)")
  t.equal(name, "localhost:" .. other)
end)

t.test("one dash is as good as two; flags do what they say", function()
  local dir = t.temp_dir()
  t.run("mkdir -p " .. dir .. "/mine/07-own")
  t.write(dir .. "/mine/07-own/scenario.lua",
    "return { params = { a = { 1, 'a number' } }, request = function(self) return 'a is ' .. self.params.a end }")
  local program = t.spawn(t.command { t.diaglab, "-listen=127.0.0.1:0", "-log-file", dir .. "/log",
    "-scenarios", dir .. "/mine", "-step", "7", "-param", "7.a=5", "-workers", "1", "-scavenge", "-1" })
  local port = t.eventually(function()
    return (t.read(dir .. "/log") or ""):match("started on %S+:(%d+)\n")
  end)
  t.equal(t.http("http://127.0.0.1:" .. port .. "/").body, "a is 5")
  t.equal(program:err(), "", "the log goes to the file")
  t.match(t.read(dir .. "/log"), "^%d+/%d%d/%d%d %d%d:%d%d:%d%d Application started with PID " .. program.pid .. "\n")
  program:signal("INT")
  t.equal(program:wait(), 0)
  t.match(t.read(dir .. "/log"), "Received signal interrupt\n[^\n]* Application stopping...\n$")
end)

-- ---- installed --------------------------------------------------------------------

t.test("closed descriptors: 0 to 2 are /dev/null", function()
  for _, closed in ipairs { "</dev/null >&- 2>&-", "<&- >&- 2>&-", "<&-", "2>&-" } do
    local log = t.temp_dir() .. "/log"
    local command = t.command { t.diaglab, "--listen", "127.0.0.1:0", "--log-file", log }
    local program = t.spawn(command .. " " .. closed)
    local port = t.eventually(function()
      return (t.read(log) or ""):match("HTTP server started on 127.0.0.1:(%d+)")
    end)
    t.equal(t.http("http://127.0.0.1:" .. port .. "/").body, "hello world", closed)
    local fds = t.run(("readlink /proc/%d/fd/0 /proc/%d/fd/1 /proc/%d/fd/2")
      :format(program.pid, program.pid, program.pid)).out
    t.check(not fds:find("socket:", 1, true) and not fds:find("anon", 1, true), closed .. ": " .. fds)
    program:signal("TERM")
    t.equal(program:wait(), 0, closed)
  end
end)

t.test("the man page knows every flag", function()
  local page = t.read(t.source .. "/docs/diaglab.1"):gsub("\\%-", "-")
  for flag in run("--help").out:gmatch("\n  (%-%-[%w-]+)") do t.has(page, flag) end
end)

local build = t.diaglab:match("^(.*)/[^/]+$")

t.test("the installed program finds its files", function()
  if not (t.read(build .. "/cmake_install.cmake") and t.have("cmake")) then return end
  local prefix = t.temp_dir()
  local install = t.run(t.command { "cmake", "--install", build, "--prefix", prefix })
  t.equal(install.code, 0, install.err)
  for _, file in ipairs { "share/man/man1/diaglab.1", "share/diaglab/LICENSE", "share/diaglab/lua/types/lab.lua" } do
    t.check(t.read(prefix .. "/" .. file), file)
  end
  local lab = t.start_as(prefix .. "/bin/diaglab", t.start, "--step", "4", "--param", "4.rounds=1",
    "--memprofile-rate", "1")
  t.equal(lab:get("/").body, "hello world")
  t.has(lab:get("/debug/pprof/heap?debug=1").body, prefix .. "/share/diaglab/scenarios/04-export/scenario.lua:")
  t.equal(lab:go_to(0).body, "switched to step 0")
  t.equal(lab:stop(), 0)
end)

t.finish()
