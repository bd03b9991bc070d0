-- SPDX-License-Identifier: MIT
-- What other tools see of the program: its static probes, the names of its
-- threads, its primitives in perf.
local t = require "harness"
t.need("curl", "readelf")

-- ---- probes --------------------------------------------------------------------

local HEADER = t.read(t.source .. "/src/base/probe.h")

-- As the header's comment lists them: name -> number of arguments.
local function listed()
  local list, n = {}, 0
  for line in HEADER:match("^(.-)%*/"):gmatch("[^\n]+") do
    local name, arguments = line:match("^ %*   ([a-z_]+__[a-z]+)%s+(.*)$")
    if name then
      n = n + 1
      list[name] = arguments == "nothing" and 0 or select(2, arguments:gsub(",", "")) + 1
    end
  end
  t.check(n > 10, "the header lists the probes")
  return list
end

-- As the program's notes have them.
local function built()
  local list = {}
  local notes = t.run("readelf -n " .. t.quote(t.diaglab)).out
  for name, arguments in notes:gmatch("Provider: diaglab\n%s*Name: (%S+)\n[^\n]*\n%s*Arguments:([^\n]*)") do
    list[name] = select(2, arguments:gsub("@", ""))
  end
  return list
end

local function has_sdt() return t.run("echo '#include <sys/sdt.h>' | cc -E -o /dev/null -").code == 0 end

t.test("the probes are those of the list", function()
  local have, want = built(), listed()
  if not next(have) and not has_sdt() then return end
  for name, n in pairs(want) do t.equal(have[name], n, "arguments of " .. name) end
  for name in pairs(have) do t.check(want[name], name .. " is in the list") end
end)

-- Two configures of one folder: in the first, sys/sdt.h can't be seen.
t.test("a later configure finds sys/sdt.h, or sees that it has gone", function()
  if not (t.have("cmake") and t.have("ninja") and has_sdt()) then return end
  local dir = t.temp_dir()
  local function has_probes(...)
    local made = t.run(t.command { "cmake", "-G", "Ninja", "-S", t.source, "-B", dir, "-DLAB_TESTS=OFF",
      "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON", ... })
    t.equal(made.code, 0, made.out .. made.err)
    return t.read(dir .. "/compile_commands.json"):find("LAB_USDT=1", 1, true) ~= nil
  end
  local others = dir .. "/include" -- what else is needed of these folders
  t.run("mkdir " .. others)
  for _, header in ipairs { "zlib.h", "llhttp.h" } do
    t.run(("cp $(ls /usr/include/%s /usr/share/include/llhttp/%s 2>/dev/null) %s"):format(header, header, others))
  end
  local include = "-DCMAKE_INCLUDE_PATH=" .. others
  local hide = "-DCMAKE_IGNORE_PATH=/usr/include;/usr/include/" .. t.run("cc -print-multiarch").out:gsub("\n", "")
  t.check(not has_probes(include, hide), "it can't be seen")
  t.check(has_probes(include, "-DCMAKE_IGNORE_PATH="), "it has come")
  t.check(not has_probes(include, hide), "it has gone")
end)

-- ---- threads -------------------------------------------------------------------

t.test("every thread has a name", function()
  local lab = t.start("--workers", "2")
  local names
  local all = pcall(t.eventually, function() -- each takes its name itself, when it first runs
    names = {}
    for name in t.run("cat /proc/" .. lab.pid .. "/task/*/comm").out:gmatch("[^\n]+") do
      names[name] = (names[name] or 0) + 1
    end
    return names["libuv-worker"] == 4 and names.vm and names.log and names["worker-1"] and names["worker-2"]
  end)
  t.check(all, "some have none: " .. t.run("cat /proc/" .. lab.pid .. "/task/*/comm").out)
  for _, name in ipairs { "vm", "log", "worker-1", "worker-2" } do t.equal(names[name], 1, name) end
  t.equal(t.read("/proc/" .. lab.pid .. "/comm"), t.diaglab:match("[^/]+$"):sub(1, 15) .. "\n")
  local profile = t.spawn(("curl -s -o /dev/null '%s/debug/pprof/profile?seconds=60'"):format(lab.url))
  t.eventually(function()
    return t.run("cat /proc/" .. lab.pid .. "/task/*/comm").out:find("\nprofiler\n", 1, true)
  end)
  lab:stop() -- ends the profile
  t.equal(profile:wait(), 0)
end)

-- ---- perf ----------------------------------------------------------------------

local function perf_works()
  return t.have("perf") and t.run("perf record -q -e cpu-clock -o " .. t.temp_dir() .. "/perf -- true").code == 0
end

t.test("perf names our primitives and their callers", function()
  if not perf_works() then return end
  local dir = t.temp_dir()
  local lab = t.start("--step", "4")
  local load = t.spawn(("sh -c 'while curl -sf -o /dev/null %s/; do :; done'"):format(lab.url))
  local report = t.enough(function(seconds)
    local record = t.run(("perf record -q -e cpu-clock -g -p %d -o %s/data -- sleep %d"):format(lab.pid, dir, seconds))
    t.equal(record.code, 0, record.err)
    return t.run(("perf report -i %s/data --children --stdio -g none --sort symbol"):format(dir)).out
  end, function(report) return report:find("lab_copy_n", 1, true) end)
  lab:stop()
  load:wait()
  for _, name in ipairs { "lab_copy_n", "lab_worker_run" } do
    local share = report:match("([%d.]+)%%[^\n]*%[%.%] " .. name)
    t.between(tonumber(share), 50, 100, name)
  end
end)

t.finish()
