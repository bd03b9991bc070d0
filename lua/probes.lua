-- SPDX-License-Identifier: MIT
-- The probes of diaglab doctor: each lets a tool do what a student will do with it, to a
-- lab that was started for this, and looks at what comes of it.
--
-- probes.lua(host, parts) -> { probe, ... } in their order    parts: remedy, shell, tool
-- probe: name; tools = the programs that it runs (one of them is enough), package
--   (Debian's, that has them); needed (no step can be done without); use (what for);
--   try(at) -> seen
-- at: port, url and pid of the lab, which is in step 5 (nil: there is none; problem:
--   why), folder (for files), seconds(name) -> how long that probe may take, home = the
--   port on which a lab listens if it isn't told otherwise
-- seen: result ("ok", "warning": it works with limits, "missing", "fails", "skipped"),
--   found (what was seen), fix (what to do), version

local host, parts = ...
local tool, remedy = parts.tool, parts.remedy

local TASK = "workers%.startGoroutines%.func1" -- what step 5 leaves behind, five per request
local LEAST_FDS = 1024
local WRONG_TRACES_UP_TO = 24 -- Go 1.24
local SLOW_CLOCK_NS = 250 -- a call of the kernel; without one it takes 20 to 50

-- ---- what was seen ---------------------------------------------------------------

local function ok(found) return { result = "ok", found = found } end
local function warn(found, fix) return { result = "warning", found = found, fix = fix } end
local function fail(found, fix) return { result = "fails", found = found, fix = fix } end

-- What is wrong with SEEN of tool.run, if it isn't what it should print.
local function complain(words, seen)
  if seen.missing then return { result = "missing" } end
  local by_hand = "see what this does: " .. parts.shell.command(words)
  if seen.problem then return fail("it can't be started: " .. seen.problem, by_hand) end
  if seen.late then return fail("it didn't end in time", by_hand) end
  local said = tool.quote(seen.text)
  if seen.code ~= 0 then
    return fail(("exit code %d%s"):format(seen.code, said ~= "" and ": " .. said or ""), by_hand)
  end
  return fail(said == "" and "it prints nothing" or "it prints something else: " .. said, by_hand)
end

-- What prints a tool's version, and what stands before it, a pattern.
local GO_VERSION = { "go", "version", before = "go version go" }
local VERSIONS = {
  curl = { "curl", "--version", before = "\ncurl " },
  pprof = GO_VERSION,
  trace = GO_VERSION,
  graphviz = { "dot", "-V", before = "version " },
  ps = { "ps", "--version", before = "procps%-ng " },
  lsof = { "lsof", "-v", before = "revision: " },
  ss = { "ss", "-V", before = "iproute2%-" },
  strace = { "strace", "-V", before = "version " },
  gdb = { "gdb", "--version", before = "%) " },
  perf = { "perf", "--version", before = "version " },
}

local function readVersion(at, words)
  local text = tool.run(words, at.seconds("version")).text or ""
  return ("\n" .. text):match(words.before .. "(%d[%w%.%-+~]*)")
end

-- Runs WORDS, which end by themselves; IS_RIGHT(text) -> what was found, or nil.
local function try(at, name, words, isRight)
  local run = tool.run(words, at.seconds(name))
  local found = run.code == 0 and not run.late and isRight(run.text)
  local seen = found and ok(found) or complain(words, run)
  if found and VERSIONS[name] then seen.version = readVersion(at, VERSIONS[name]) end
  return seen, run.text or ""
end

local function get(url, seconds)
  local answer = host.together({ { get = url, timeout = seconds or 20 } })[1]
  return answer.status == 200 and answer.body or nil, answer.error or ("status %s"):format(answer.status)
end

local function countTasks(at)
  local text = get(at.url .. "/debug/pprof/goroutine?debug=1") or ""
  return tonumber(text:match("total (%d+)"))
end

-- ---- requests, profiles, traces --------------------------------------------------

local function tryLab(at)
  if at.problem then return fail(at.problem, "see what it says: diaglab --step 5") end
  local body, problem = get(at.url .. "/")
  if body ~= "hello world" then return fail("it doesn't answer: " .. (problem or body)) end
  return ok("it starts and answers")
end

local function tryCurl(at)
  return (try(at, "curl", { "curl", "-sS", at.url .. "/" }, function(text)
    return text == "hello world" and "it fetches an answer"
  end))
end

-- A Go of 1.25 or later makes its tools when they are first used, of sources that are a
-- package of their own.
local function explainGo(seen, text)
  if seen.result ~= "fails" then return seen end
  if text:find("no such tool", 1, true) or text:find("is not in std", 1, true) then
    seen.fix = "this Go has no such tool: install the sources of the same version, from which it is made (" ..
      remedy.install("golang-src") .. ")"
  elseif text:find("build cache is required", 1, true) then
    seen.fix = "export GOCACHE=FOLDER: it has no home folder to keep its tools in"
  end
  return seen
end

-- These convert our traces, and get two profiles of them wrong: docs/handbook/traces.md.
local function getsProfilesWrong(version)
  local minor = tonumber((version or ""):match("^1%.(%d+)"))
  return minor and minor >= 23 and minor <= WRONG_TRACES_UP_TO
end

local function tryPprof(at)
  local words = { "go", "tool", "pprof", "-top", at.url .. "/debug/pprof/goroutine" }
  local tasks = countTasks(at)
  local seen, text = try(at, "pprof", words, function(text)
    local n = tonumber(text:match("%s(%d+)%s+100%%%s+100%%%s+%d+%s+100%%%s+lab%.Channel%.recv\n"))
    return n and n == tasks and text:find(TASK) and ("it lists the %d tasks of a profile"):format(n)
  end)
  return explainGo(seen, text)
end

local function makeTrace(at)
  local results = host.together { { get = at.url .. "/debug/pprof/trace?seconds=0.3", timeout = 20 },
    { get = at.url .. "/", after = 0.1, timeout = 20 } }
  local file = at.folder .. "/trace.out"
  if results[1].status ~= 200 or not host.write_over(file, results[1].body) then return nil end
  return file
end

local function tryTrace(at)
  local file = makeTrace(at)
  if not file then return fail("the lab gives no trace") end
  local words = { "go", "tool", "trace", "-http=127.0.0.1:0", file }
  local run, problem, is_missing = tool.start(words, at.seconds("trace"))
  if not run then return complain(words, is_missing and { missing = true } or { problem = problem }) end
  local serves = run.wait("listening on http://%S+")
  local url = serves and run.text:match("listening on (http://%S+)")
  local page = url and get(url .. "/goroutines")
  local code = run.stop()
  if page and page:find(TASK) then
    local seen = ok("it opens a trace, and its pages have the tasks")
    seen.version = readVersion(at, VERSIONS.trace)
    if getsProfilesWrong(seen.version) then
      seen.result, seen.fix = "warning", "for times of work and of waiting take a wall profile instead"
      seen.found = seen.found .. "; but its profiles syscall and sched are wrong"
    end
    return seen
  end
  if url then
    return fail("its page of tasks lacks those of the trace", "see what this shows: " .. parts.shell.command(words))
  end
  return explainGo(complain(words, { text = run.text, code = code, late = serves == nil }), run.text)
end

local function tryGraphviz(at)
  local file = at.folder .. "/graph.dot"
  host.write_over(file, "digraph { main -> leak }\n")
  return (try(at, "graphviz", { "dot", "-Tsvg", file }, function(text)
    return text:find("<svg", 1, true) and text:find(">leak</text>", 1, true) and "it draws a graph"
  end))
end

-- ---- the process from outside ----------------------------------------------------

local function tryPs(at)
  return (try(at, "ps", { "ps", "-o", "rss=", "-p", tostring(at.pid) }, function(text)
    local kib = tonumber(text:match("^%s*(%d+)%s*$"))
    return kib and kib > 0 and "it knows the lab's memory"
  end))
end

local function tryLsof(at)
  local listens = (":%d (LISTEN)"):format(at.port)
  return (try(at, "lsof", { "lsof", "-a", "-i", "-nP", "-p", tostring(at.pid) }, function(text)
    return text:find(listens, 1, true) and "it finds the lab's port"
  end))
end

local function trySs(at)
  local port = (":%d "):format(at.port)
  return (try(at, "ss", { "ss", "-tlnH", "sport", "=", ":" .. at.port }, function(text)
    return text:find("LISTEN", 1, true) and text:find(port, 1, true) and "it finds the lab's port"
  end))
end

-- How a process may be traced that is not a child: TEXT is what a tool says.
local function explainPtrace(seen, text)
  if seen.result ~= "fails" then return seen end
  if not text:find("Operation not permitted", 1, true) and not text:find("ptrace:", 1, true) then return seen end
  local scope = remedy.number("/proc/sys/kernel/yama/ptrace_scope")
  if remedy.machine.container then
    seen.fix = "start the container with --cap-add SYS_PTRACE"
    -- docker gives it to root only.
    if scope and scope > 0 then seen.fix = seen.fix .. "; if it has that, use the tool as its root (exec -u root)" end
  elseif scope == 3 then
    seen.fix = "ptrace_scope is 3, which holds until the next boot: set it to 0 in /etc/sysctl.d, and boot"
  elseif scope and scope > 0 then
    seen.fix = remedy.sysctl("kernel.yama.ptrace_scope=0") .. ", or use the tool with sudo"
  else
    seen.fix = "use the tool with sudo"
  end
  return seen
end

local function tryStrace(at)
  local words = { "strace", "-f", "-e", "trace=accept4", "-p", tostring(at.pid) }
  local run, problem, is_missing = tool.start(words, at.seconds("strace"))
  if not run then return complain(words, is_missing and { missing = true } or { problem = problem }) end
  local attached = run.wait("attached")
  if attached then get(at.url .. "/") end
  local traced = attached and run.wait("accept4%(")
  local code = run.stop(2) -- as Ctrl-C does, so it lets go of the lab
  if not traced then
    local late = attached == nil or attached and traced == nil
    return explainPtrace(complain(words, { text = run.text, code = code, late = late }), run.text)
  end
  if not get(at.url .. "/") then return fail("the lab stands still after it") end
  local seen = ok("it attaches, and shows a call of a request")
  seen.version = readVersion(at, VERSIONS.strace)
  return seen
end

-- gdb's commands for the lab: in the source tree and beside the program, or installed.
local function findScript()
  local program = host.realpath("/proc/self/exe") or ""
  local prefix = program:match("^(.*)/[^/]+/[^/]+$") or ""
  for _, path in ipairs { program .. "-gdb.py", ("%s/share/gdb/auto-load%s-gdb.py"):format(prefix, program) } do
    if host.exists(path) then return path end
  end
  return nil
end

local function tryGdb(at)
  local script = findScript()
  if not script then
    return fail("diaglab-gdb.py isn't beside the program", "install diaglab whole: cmake --install")
  end
  local words = { "gdb", "-q", "-batch", "-x", script, "-ex", "lab tasks", "-p", tostring(at.pid) }
  local tasks = countTasks(at)
  local seen, text = try(at, "gdb", words, function(text)
    local n = tonumber(text:match("\n(%d+) tasks\n"))
    return n == tasks and text:find(TASK) and ("'lab tasks' lists %d tasks"):format(n)
  end)
  if seen.result ~= "ok" and text:find("Python scripting is not supported", 1, true) then
    seen.fix = remedy.install("gdb") .. " (this gdb has no Python)"
  end
  return explainPtrace(seen, text)
end

local function tryPerf(at)
  local level = remedy.number("/proc/sys/kernel/perf_event_paranoid")
  local file = at.folder .. "/perf.data"
  local seen, text = try(at, "perf", { "perf", "record", "-q", "-e", "cpu-clock", "-p", tostring(at.pid), "-o", file,
    "--", "sleep", "0.2" }, function() return host.exists(file) and "it records the lab" end)
  if seen.result ~= "ok" and (text:find("paranoid", 1, true) or text:find("ermi", 1, true)) then
    seen.fix = remedy.sysctl("kernel.perf_event_paranoid=1", "--cap-add PERFMON")
  end
  if seen.found and level then seen.found = ("%s (perf_event_paranoid is %d)"):format(seen.found, level) end
  return seen
end

-- ---- limits ----------------------------------------------------------------------

-- Where the kernel writes a core of a lab that was started here; what is expanded only
-- then stays as it is.
local function expandPattern(pattern)
  local name = pattern:gsub("%%(.)", function(c)
    return c == "%" and "%" or c == "p" and "PID" or c == "e" and "diaglab" or nil
  end)
  if not pattern:find("%%p") and remedy.number("/proc/sys/kernel/core_uses_pid") == 1 then name = name .. ".PID" end
  return name
end

local function tryCore()
  local pattern = tool.clean((host.read("/proc/sys/kernel/core_pattern") or ""):match("^[^\n]*"))
  local soft, hard = remedy.machine.core[1], remedy.machine.core[2]
  local place = pattern:match("^|%s*(%S+)")
  if place then
    place = ("to the program %s%s"):format(place, remedy.machine.container and ", on the container's host" or "")
    if pattern:find("systemd-coredump", 1, true) then place = place .. ": coredumpctl list" end
    return warn("a core goes " .. place, remedy.sysctl("kernel.core_pattern=core") .. " brings it to the lab's folder")
  end
  local name = expandPattern(pattern)
  local folder = name:match("^(/.*)/[^/]*$") or name:sub(1, 1) == "/" and "/" or host.realpath(".") or "."
  local file = name:sub(1, 1) == "/" and name or folder:gsub("/$", "") .. "/" .. name
  if soft == 0 then
    return warn(("no core, its size is limited to 0; else it would be %s"):format(file),
      hard == 0 and "as root: ulimit -c unlimited, in the shell that starts the lab"
      or "ulimit -c unlimited, in the shell that starts the lab")
  end
  if not host.may_write(folder) then
    return warn(("no core: you may not write %s"):format(file), "start the lab in a folder of yours")
  end
  if soft < math.huge then
    return warn(("a core is %s, but has %.0f bytes at most"):format(file, soft), "ulimit -c unlimited")
  end
  return ok("a core is " .. file)
end

local function showLimit(n) return n == math.huge and "unlimited" or ("%d"):format(n) end

local function tryFds()
  local hard = remedy.machine.fds[2]
  if hard < LEAST_FDS then
    return warn(("the lab may have %s descriptors: steps that open many end early"):format(showLimit(hard)),
      "as root: ulimit -n 4096, in the shell that starts the lab")
  end
  return ok(("the lab may have %s descriptors"):format(showLimit(math.min(hard, 65536))))
end

local function tryPort(at)
  local address = "localhost:" .. at.home
  local lab <close>, problem = host.start_lab(at.folder .. "/port.log", { "--listen", address }, at.folder)
  if lab then return ok(("port %d is free"):format(at.home)) end
  local state = get("http://" .. address .. "/status", 2)
  if state and state:find("step", 1, true) then
    return warn(("port %d has a lab already"):format(at.home), "use it, or end it (Ctrl-C where it runs)")
  end
  return warn(tool.quote(problem), ("use another: diaglab --listen localhost:%d"):format(at.home + 1000))
end

-- ---- the browser -----------------------------------------------------------------

local BROWSERS = { "chromium", "google-chrome", "chromium-browser", "firefox", "firefox-esr" }

local function browserWords(at, name)
  local page = at.url .. "/lab/"
  if name:find("firefox", 1, true) then
    return { name, "--headless", "--no-remote", "--profile", at.folder, "--screenshot", at.folder .. "/page.png", page }
  end
  local words = { name, "--headless", "--disable-gpu", "--user-data-dir=" .. at.folder .. "/browser", "--dump-dom",
    page }
  if remedy.machine.root then table.insert(words, 2, "--no-sandbox") end -- which it asks of root
  return words
end

local function tryBrowser(at)
  local page, problem = get(at.url .. "/lab/")
  if not page then
    return warn("the lab has no page: " .. problem, "build it with -DWEB_UI=ON; all of it works by curl, too")
  end
  for _, name in ipairs(BROWSERS) do
    local words = browserWords(at, name)
    local seen = try(at, "browser", words, function(text)
      if name:find("firefox", 1, true) then
        return host.exists(at.folder .. "/page.png") and name .. " shows the lab's page"
      end
      return text:find("</html>", 1, true) and text:find("/lab/answer", 1, true) and name .. " shows the lab's page"
    end)
    if seen.result == "ok" then seen.version = readVersion(at, { name, "--version", before = "\n[%a ]+ " }) end
    if seen.result ~= "missing" then return seen end
  end
  return warn("the lab's page answers, but no browser is here", remedy.install("chromium") ..
    (", or from a machine with one: ssh -L %d:localhost:%d THIS"):format(at.home, at.home))
end

local function tryClock()
  local ns = remedy.machine.clock
  local source = tool.clean((host.read("/sys/devices/system/clocksource/clocksource0/current_clocksource") or "?")
    :match("^[^\n]*"))
  local found = ("one look at the clock takes %.0f ns (%s)"):format(ns, source)
  if ns < SLOW_CLOCK_NS then return ok(found) end
  return warn(found .. ": short tasks seem longer than they are",
    "boot the machine with clocksource=tsc, if it has that")
end

-- ---- all -------------------------------------------------------------------------

return {
  { name = "lab", needed = true, use = "every step", try = tryLab, without = true },
  { name = "curl", tools = { "curl" }, package = "curl", needed = true, use = "every step", try = tryCurl },
  { name = "pprof", tools = { "go" }, package = "golang-go", needed = true, use = "nearly every step",
    try = tryPprof },
  { name = "ps", tools = { "ps" }, package = "procps", needed = true, use = "steps about time or memory",
    try = tryPs },
  { name = "lsof", tools = { "lsof" }, package = "lsof", needed = true, use = "every step: the lab's PID",
    try = tryLsof },
  { name = "trace", tools = { "go" }, package = "golang-go", use = "the chapter on traces", try = tryTrace },
  { name = "graphviz", tools = { "dot" }, package = "graphviz", use = "pprof's graphs", try = tryGraphviz },
  { name = "ss", tools = { "ss" }, package = "iproute2", needed = true, use = "steps about connections",
    try = trySs },
  { name = "strace", tools = { "strace" }, package = "strace", needed = true,
    use = "steps about system calls, a second way in others", try = tryStrace },
  { name = "gdb", tools = { "gdb" }, package = "gdb", use = "the chapter on core dumps", try = tryGdb },
  { name = "perf", tools = { "perf" }, package = "linux-perf", use = "probes, a second way in some steps",
    try = tryPerf },
  { name = "core", use = "the chapter on core dumps", try = tryCore, without = true },
  { name = "fds", use = "steps that open many files", try = tryFds, without = true },
  { name = "port", use = "a lab that is started without --listen", try = tryPort, without = true },
  { name = "browser", tools = BROWSERS, package = "chromium", use = "the lab's page, pprof's and trace's pages",
    try = tryBrowser },
  { name = "clock", use = "profiles and traces of short tasks", try = tryClock, without = true },
}
