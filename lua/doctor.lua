-- SPDX-License-Identifier: MIT
-- diaglab doctor: what this machine lacks for the course, and what to do about it.
--
-- doctor.lua(host, parts) -> the verb, for kit.lua    parts: data, probes, remedy, tool;
--   refuse, plural (kit.lua)

local host, parts = ...
local data = parts.data

local STEP = "5" -- its tasks stay, so each tool can be asked for them
local HOME_PORT = 6060
local SECONDS = 30
-- A Go of 1.25 or later makes pprof and trace when they are first used: minutes.
local SECONDS_OF = { pprof = 600, trace = 600, version = 10 }

-- ---- the lab ---------------------------------------------------------------------

-- What probes get: see probes.lua. Its lab is closed by whoever has it.
local function startLab(folder, options)
  local limit = options.timeout
  local at = { folder = folder, home = options.port or HOME_PORT, seconds = function(name)
    return limit or SECONDS_OF[name] or SECONDS
  end }
  local lab, problem = host.start_lab(folder .. "/lab.log", { "--step", STEP }, folder)
  if not lab then
    at.problem = parts.tool.clean(problem)
    return at, nil
  end
  at.port, at.pid = lab.port(lab), lab.pid(lab)
  at.url = "http://127.0.0.1:" .. at.port
  host.together { { get = at.url .. "/", timeout = SECONDS } } -- so it has tasks
  return at, lab
end

local function replace(text, plain, by)
  return (text:gsub(plain:gsub("%p", "%%%0"), (by:gsub("%%", "%%%%"))))
end

-- A command that was tried on a lab which has gone, for the reader's own.
local function forReader(text, at)
  text = replace(replace(text, at.url, "http://localhost:" .. at.home), at.folder .. "/", "")
  return (replace(text, "-p " .. at.pid, "-p PID"))
end

-- The file that PROBE's tool is, as PATH has it.
local function findTool(probe)
  for _, name in ipairs(probe.tools or {}) do
    for folder in (os.getenv("PATH") or ""):gmatch("[^:]+") do
      local path = folder .. "/" .. name
      if host.exists(path) then return parts.tool.clean(path) end
    end
  end
  return nil
end

-- ---- probing ---------------------------------------------------------------------

local function tryProbe(probe, at)
  if not at.url and not probe.without then
    return { result = "skipped", found = "there is no lab to try it on" }
  end
  local began = host.now()
  local seen = probe.try(at)
  seen.seconds = host.now() - began
  if seen.result == "missing" then
    seen.found = ("%s isn't there"):format(table.concat(probe.tools, ", "))
    seen.fix = parts.remedy.install(probe.package)
  end
  seen.fix = seen.fix and at.url and forReader(seen.fix, at) or seen.fix
  seen.path = findTool(probe)
  return seen
end

local function isGood(row) return row.result == "ok" or row.result == "warning" end

-- Runs PROBES; SHOW(probe, row or nil) is called before and after each. Returns a row for
-- each, and whether all that is needed is there.
local function runProbes(probes, options, show)
  local folder, problem = host.temp_folder()
  if not folder then parts.refuse("doctor", "%s", problem) end
  local _ <close> = setmetatable({}, { __close = function() host.remove_tree(folder) end })
  parts.tool.folder = folder
  local at, lab <close> = startLab(folder, options) -- luacheck: ignore
  local rows, ready = data.list {}, true
  for i, probe in ipairs(probes) do
    show(probe)
    local row = tryProbe(probe, at)
    row.name, row.needed, row["for"] = probe.name, probe.needed or false, probe.use
    rows[i] = row
    if row.needed and not isGood(row) then ready = false end
    show(probe, row)
  end
  return rows, ready
end

-- ---- text ------------------------------------------------------------------------

local function showProgress(probe, row)
  local live = host.is_terminal()
  if not row then
    if live then host.live(("  ...      %s"):format(probe.name)) end
    return
  end
  if live then host.live "" end
  local version = row.version and row.version .. ": " or ""
  host.out(("%-8s %-9s %s%s\n"):format(row.result, row.name, version, row.found))
end

local function printFixes(rows, title, isOne)
  local titled
  for _, row in ipairs(rows) do
    if row.result ~= "ok" and isOne(row) and (row.fix or not isGood(row)) then
      if not titled then host.out("\n" .. title .. "\n") end
      titled = true
      host.out(("  %s, for %s: %s\n"):format(row.name, row["for"], row.found))
      if row.fix then host.out(("    %s\n"):format(row.fix)) end
    end
  end
end

local function printSummary(rows, ready, whole)
  printFixes(rows, "Steps need this:", function(row) return row.needed and not isGood(row) end)
  printFixes(rows, "The steps can be done without this:", function(row) return not row.needed or isGood(row) end)
  host.out(("\n%s\n"):format(parts.remedy.place()))
  if whole then host.out(("This machine is%s ready for the course.\n"):format(ready and "" or " not")) end
end

-- ---- JSON ------------------------------------------------------------------------

local function writeJson(rows, ready)
  local m = parts.remedy.machine
  return data.json { format = "diaglab-doctor/1", ready = ready, probes = rows, machine = { system = m.system,
    kernel = m.kernel, architecture = m.machine, container = m.container, root = m.root } } .. "\n"
end

-- ---- the verb --------------------------------------------------------------------

local function choose(names)
  local probes, known = {}, {}
  for _, probe in ipairs(parts.probes) do known[probe.name] = probe end
  for i, name in ipairs(names) do
    probes[i] = known[name] or
      parts.refuse("doctor", "there is no probe '%s'%s", parts.tool.clean(name), host.did_you_mean(name, known))
  end
  return #names > 0 and probes or parts.probes
end

local function listProbes()
  for _, probe in ipairs(parts.probes) do
    host.out(("%-9s %-8s %s\n"):format(probe.name, probe.needed and "needed" or "optional", probe.use))
  end
  return 0
end

return {
  usage = "doctor [OPTIONS] [PROBE...]",
  about = "Says what this machine lacks for the course, and which command brings it. Each\n" ..
    "probe lets a tool do its work on a lab that is started for this and ended again:\n" ..
    "go tool pprof lists a profile, strace attaches. A PROBE is a name of --list;\n" ..
    "without one, all are run.",
  options = {
    { "--json", nil, "the report as JSON: docs/clients.md has its form" },
    { "--list", nil, "list the probes, and exit" },
    { "--port", "N", "the port that your lab will have (default 6060)", "count" },
    { "--timeout", "SECONDS", "how long a tool may take (default 30; 600 for Go's,\n" ..
      "which newer versions make when they are first used)", "count" },
  },
  notes = "ok: it works. warning: it works with limits. missing, fails: it doesn't.\n" ..
    "Exit code: 0 all that steps need works, 1 some of it doesn't, 2 nothing could be\nprobed.",
  run = function(options, names)
    if options.list then return listProbes() end
    if options.port and options.port > 65535 then
      parts.refuse("doctor", "--port: there is no port %d", options.port)
    end
    local rows, ready = runProbes(choose(names), options, options.json and function() end or showProgress)
    if options.json then host.out(writeJson(rows, ready)) else printSummary(rows, ready, #names == 0) end
    return ready and 0 or 1
  end,
}
