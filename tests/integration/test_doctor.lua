-- SPDX-License-Identifier: MIT
-- diaglab doctor: what it says of a machine that has all tools, and of one that has
-- none, or others than it believes.
local t = require "harness"
local socket = require "socket"
t.need("curl", "go")

local TOOLS = { "curl", "go", "dot", "ps", "lsof", "ss", "strace", "gdb", "perf" }
local BROWSERS = { "chromium", "google-chrome", "chromium-browser", "firefox", "firefox-esr" }
local TOOL_OF = { curl = "curl", pprof = "go", trace = "go", graphviz = "dot", ps = "ps", lsof = "lsof", ss = "ss",
  strace = "strace", gdb = "gdb", perf = "perf" }
-- Those that need no browser, which takes long to start.
local BRIEF = { "lab", "curl", "pprof", "trace", "graphviz", "ps", "lsof", "ss", "strace", "gdb", "perf", "core", "fds",
  "port", "clock" }

local function read_json(text) return assert(loadfile(t.source .. "/lua/json.lua"))()(text) end

-- SETTING is what stands before the program: "env PATH=/none", "ulimit -n 64;".
local function run(setting, ...)
  return t.run(("%s %s"):format(setting, t.command { t.diaglab, "doctor", "--port", t.free_port(), ... }))
end

local function report(setting, ...)
  local ran = run(setting, "--json", ...)
  t.equal(ran.err, "")
  local all = read_json(ran.out)
  t.equal(all.format, "diaglab-doctor/1")
  local rows = {}
  for _, row in ipairs(all.probes) do rows[row.name] = row end
  return rows, all, ran
end

local function has_result(rows, result, names)
  for _, name in ipairs(names) do
    local row = t.check(rows[name], "no row " .. name)
    t.equal(row.result, result, ("%s: %s"):format(name, row.found))
  end
end

-- A folder in which each of NAMES is the program TEXT.
local function fake(names, text)
  local folder = t.temp_dir()
  for _, name in ipairs(names) do
    t.write(folder .. "/" .. name, text)
  end
  t.run("chmod +x " .. folder .. "/*")
  return folder
end

local function all_names() return table.move(BROWSERS, 1, #BROWSERS, #TOOLS + 1, { table.unpack(TOOLS) }) end

-- May NAME not look at another process here, as in some containers?
local function is_forbidden(name)
  local other = t.spawn("sleep 60")
  local command = ({ strace = "timeout -s INT 1 strace -o /dev/null -p %d", gdb = "gdb -q -batch -p %d",
    perf = "perf record -o /dev/null -p %d sleep 0.1" })[name]
  local ran = t.run(command:format(other.pid))
  other:signal("TERM")
  other:wait()
  if name == "perf" then return ran.code ~= 0 end
  return ran.err:find("not permitted", 1, true) ~= nil
end

-- ---- machines as they are --------------------------------------------------------

t.test("here, what is installed works", function()
  local home = t.temp_dir()
  local ran = run(("XDG_CACHE_HOME=${XDG_CACHE_HOME:-$HOME/.cache} HOME=%s"):format(home), table.unpack(BRIEF))
  local seen = {}
  for result, name in ran.out:gmatch("(%l+) +(%l+) +[^\n]+\n") do seen[name] = seen[name] or result end
  for _, name in ipairs(BRIEF) do
    local tool = TOOL_OF[name]
    local want = tool and not t.have(tool) and "missing" or "ok"
    if name == "trace" and seen.trace == "warning" then want = "warning" end -- as another test says
    if name == "core" then want = seen.core == "warning" and "warning" or want end -- as the shell's limit says
    if (name == "strace" or name == "gdb" or name == "perf") and want == "ok" and is_forbidden(name) then
      want = "fails"
    end
    t.equal(seen[name], want, ran.out)
  end
  local ready = true
  for _, name in ipairs { "curl", "pprof", "ps", "lsof", "ss", "strace" } do ready = ready and seen[name] == "ok" end
  t.equal(ran.code, ready and 0 or 1)
  t.check(not ran.out:find("ready for the course", 1, true), "not all was looked at")
  t.equal(#t.names(home .. "/pprof"), 0, "pprof leaves its profiles elsewhere")
  t.equal(ran.err, "", "progress is for terminals")
end)

t.test("the versions are what the tools say", function()
  local rows = report("", "curl", "pprof", "lsof")
  t.equal(rows.curl.version, t.run("curl --version").out:match("^curl (%S+)"))
  t.equal(rows.pprof.version, t.run("go version").out:match("go(%d[%w.]*)"))
  t.equal(rows.lsof.version, t.run("lsof -v 2>&1").out:match("revision: (%S+)"))
  t.equal(rows.curl.path, t.run("command -v curl").out:match("%S+"))
  t.check(rows.curl.needed == true and rows.curl["for"] == "every step")
end)

t.test("a Go that gets profiles of a trace wrong", function()
  local fake_go = "#!/bin/sh\n[ \"$1\" != version ] || exec echo 'go version go%s linux/amd64'\nexec %s \"$@\"\n"
  local go = t.run("command -v go").out:match("%S+")
  for version, result in pairs { ["1.22.1"] = "ok", ["1.23"] = "warning", ["1.24.4"] = "warning", ["1.27.4"] = "ok" } do
    local row = report(("env PATH=%s:$PATH"):format(fake({ "go" }, fake_go:format(version, go))), "trace").trace
    t.equal(row.result, result, version)
    t.equal(row.version, version)
    t.equal(row.fix and row.fix:find("wall", 1, true) ~= nil or false, result == "warning")
  end
end)

t.test("without any tool", function()
  local rows, all, ran = report("env PATH=/nonexistent")
  t.equal(ran.code, 1)
  t.equal(all.ready, false)
  for name, tool in pairs(TOOL_OF) do
    t.equal(rows[name].result, "missing")
    t.has(rows[name].found, tool .. " isn't there")
    t.match(rows[name].fix, "apt%-get install [%l%d-]+$")
  end
  has_result(rows, "ok", { "lab", "fds", "port", "clock" })
  has_result(rows, "warning", { "browser" })
  -- What it says is to be installed is what the handbook says.
  local handbook = t.read(t.source .. "/docs/handbook/README.md")
  for name in pairs(TOOL_OF) do
    t.has(handbook, rows[name].fix:match("%S+$"), name)
  end
  local text = run("env PATH=/nonexistent").out
  t.match(text, "\nmissing  curl      curl isn't there\n")
  t.match(text, "\nSteps need this:\n  curl, for every step: curl isn't there\n    [%a &-]*apt%-get install curl\n")
  t.match(text, "\nThis machine is not ready for the course%.\n$")
end)

t.test("what task cards call enough is needed", function()
  local grep = "cd %s && grep -ohE '[^.]* (are|is) enough' scenarios/*/README.md"
  local words = t.run(grep:format(t.quote(t.source))).out
  local rows = report("env PATH=/nonexistent")
  local probe_of = { ["go tool pprof"] = "pprof", top = "ps" } -- top is of the same package
  local n = 0
  for word in words:gmatch("`(%a[%w ]*)`") do
    if word ~= "ls" then
      local row = rows[probe_of[word] or word]
      t.check(row and row.needed, word .. " is enough for a step, and no needed probe")
      n = n + 1
    end
  end
  t.check(n > 10, words)
end)

-- OBJECT has the fields of the table in TEXT, each of its type, and no others.
local function check_fields(object, text)
  local types = {}
  for names, kind in text:gmatch("\n| (`[^|]+) | ([^|]+) | ") do
    for name in names:gmatch("`(%l+)`") do types[name] = kind end
  end
  for name, kind in pairs(types) do
    local value = object[name]
    local is = value == nil and "absent" or type(value)
    if is == "table" then is = #value > 0 and "list" or "object" end
    t.check(kind:find(is, 1, true), ("%s is %s, and should be %s"):format(name, is, kind))
  end
  for name in pairs(object) do t.check(types[name], name .. " isn't described") end
end

t.test("the JSON has what its description says", function()
  local text = t.read(t.source .. "/docs/clients.md")
  local first, second = t.match(text, "\n`%-%-json` prints(.-)\nAnd of each probe:(.-)\n\n[^|\n]")
  local _, all = report("env PATH=/nonexistent", "lab", "curl", "fds", "core")
  local _, here = report("", "curl")
  check_fields(all, first)
  for _, row in ipairs { here.probes[1], table.unpack(all.probes) } do check_fields(row, second) end
  for name in pairs(all.machine) do t.has(first, "`" .. name .. "`") end
end)

-- ---- limits ----------------------------------------------------------------------

t.test("few descriptors", function()
  local rows, all = report("ulimit -n 64;", "lab", "curl", "pprof", "lsof", "fds")
  has_result(rows, "ok", { "lab", "curl", "pprof", "lsof" })
  has_result(rows, "warning", { "fds" })
  t.has(rows.fds.found, "may have 64 descriptors")
  t.equal(all.ready, true)
  local soft = report("ulimit -S -n 64;", "fds").fds -- which the lab raises
  t.equal(soft.result, t.run("ulimit -H -n").out:find("^%d%d?%d?\n") and "warning" or "ok")
end)

t.test("a port that somebody has", function()
  local other = assert(socket.bind("127.0.0.1", 0))
  local _, port = other:getsockname()
  local ran = t.run(t.command { t.diaglab, "doctor", "--port", port, "port" })
  t.equal(ran.code, 0)
  t.match(ran.out, "^warning  port      [^\n]+in use")
  t.has(ran.out, "use another: diaglab --listen localhost:")
  other:close()
  local lab = t.start()
  ran = t.run(t.command { t.diaglab, "doctor", "--port", lab.port, "port" })
  t.match(ran.out, ("^warning  port      port %d has a lab already\n"):format(lab.port))
  t.equal(lab:get("/").body, "hello world")
  t.equal(lab:stop(), 0)
end)

t.test("a core is where it says", function()
  if t.is_sanitized() then return end -- their cores would be terabytes
  local folder = t.temp_dir()
  local none = report(("cd %s; ulimit -c 0;"):format(folder), "core").core
  local row = report(("cd %s; ulimit -c unlimited;"):format(folder), "core").core
  local place = row.found:match("^a core is (/.*)$")
  if not place then -- a program gets it
    t.equal(row.result, "warning")
    t.check(row.found:find("to the program", 1, true) or row.found:find("bytes at most", 1, true), row.found)
    return
  end
  t.equal(none.result, "warning")
  t.has(none.found, "no core, its size is limited to 0; else it would be " .. place)
  t.has(none.fix, "ulimit -c unlimited")
  local lab = t.spawn(("sh -c 'cd %s; ulimit -c unlimited; exec %s --listen 127.0.0.1:0 --state none'"):format(folder,
    t.diaglab))
  t.eventually(function() return lab:err():find("HTTP server started", 1, true) end)
  lab:signal("ABRT")
  t.equal(lab:wait(), 128 + 6)
  if place:find("%", 1, true) then return end -- with a part that isn't known before
  place = place:gsub("PID", lab.pid)
  t.check(t.read(place), "there is no " .. place)
  os.remove(place)
end)

t.test("a process that may not be traced", function()
  if t.run("id -u").out ~= "0\n" or not t.have("setpriv") or not t.have("strace") then return end
  local folder = t.temp_dir()
  for _, name in ipairs { "strace", "gdb" } do
    t.write(folder .. "/" .. name, ("#!/bin/sh\nexec setpriv --reuid 65534 --clear-groups %s \"$@\"\n"):format(
      t.run("command -v " .. name).out:match("%S+") or "/bin/false"))
  end
  t.run("chmod -R a+rx " .. folder)
  local rows, all = report(("env PATH=%s:$PATH"):format(folder), "strace", "gdb")
  has_result(rows, "fails", { "strace", "gdb" })
  t.has(rows.strace.found, "Operation not permitted")
  t.match(rows.strace.fix, all.machine.container and "SYS_PTRACE" or "sudo")
  t.equal(rows.gdb.fix, t.have("gdb") and rows.strace.fix or rows.gdb.fix)
  t.equal(all.ready, false, "some steps need strace")
end)

-- ---- tools that aren't what they seem --------------------------------------------

t.test("tools that hang end with their time", function()
  local folder = fake(all_names(), "#!/bin/sh\n/bin/sleep 86399 & /bin/sleep 86399\n")
  local began = t.now()
  local rows, all, ran = report("env PATH=" .. folder, "--timeout", "1")
  t.check(t.now() - began < 60, "one second each")
  t.equal(ran.code, 1)
  for name in pairs(TOOL_OF) do
    t.equal(rows[name].result, "fails")
    t.has(rows[name].found, "it didn't end in time")
    t.equal(rows[name].path, folder .. "/" .. TOOL_OF[name])
  end
  t.match(rows.browser.result, "fails")
  t.equal(all.ready, false)
  t.equal(t.run("ps -eo args | grep -c '[s]leep 86399'").out, "0\n", "nothing is left")
end)

t.test("tools that say something else", function()
  local cases = {
    { "printf 'gar\\033[31mbage\\a \\302\\233 \\377\\n'", "it prints something else: gar\\x1b[31mbage\\x07 " },
    { ":", "it prints nothing" },
    { "echo no; echo 'broken \27]0;title\7' >&2; exit 3", "exit code 3: broken \\x1b]0;title\\x07" },
    { "kill -SEGV $$", "exit code 139" },
  }
  for _, case in ipairs(cases) do
    local folder = fake(TOOLS, "#!/bin/sh\n" .. case[1] .. "\n")
    local rows, _, ran = report("env PATH=" .. folder, table.unpack(BRIEF))
    for name in pairs(TOOL_OF) do
      t.equal(rows[name].result, "fails", name)
      t.has(rows[name].found, case[2], name)
      t.check(rows[name].fix, name .. " has no fix")
    end
    t.check(not ran.out:find("[\1-\9\11-\31\127-\255]"), "all of it is plain")
    local text = run("env PATH=" .. folder, "curl", "strace").out
    t.check(not text:find("[\1-\9\11-\31\127-\255]"), "all of it is plain")
  end
end)

t.test("each probe by itself", function()
  local tools = { "pprof", "trace", "lsof", "ps" }
  for _, name in ipairs(tools) do
    local row = report("", name)[name]
    t.check(row.result == "ok" or name == "trace" and row.result == "warning", row.found)
  end
end)

t.test("what is to be tried by hand is the reader's own", function()
  local rows = report("env PATH=" .. fake(TOOLS, "#!/bin/sh\nexit 3\n"), "pprof", "strace", "trace", "graphviz", "ps")
  t.match(rows.pprof.fix, "^see what this does: go tool pprof %-top http://localhost:%d+/debug/pprof/goroutine$")
  t.match(rows.strace.fix, "strace %-f %-e trace=accept4 %-p PID$")
  t.match(rows.trace.fix, "go tool trace %-http=127.0.0.1:0 trace.out$")
  t.match(rows.graphviz.fix, "dot %-Tsvg graph.dot$")
  t.match(rows.ps.fix, "ps %-o rss= %-p PID$")
end)

t.test("a right answer before a wrong end, and the reverse", function()
  local folder = fake({ "curl" }, "#!/bin/sh\nprintf 'hello world'\nexit 7\n")
  t.has(report("env PATH=" .. folder, "curl").curl.found, "exit code 7: hello world")
  folder = fake({ "curl" }, "#!/bin/sh\nprintf 'hello world'\n")
  local row = report("env PATH=" .. folder, "curl").curl
  t.equal(row.result, "ok")
  t.equal(row.version, nil, "it says none")
end)

t.test("a tool that writes without end", function()
  local folder = fake({ "curl" }, "#!/bin/sh\nexec /bin/cat /dev/zero\n")
  local ran = t.run(("ulimit -v 1000000; env PATH=%s %s"):format(folder,
    t.command { t.diaglab, "doctor", "--timeout", "1", "curl" }))
  if t.is_sanitized() then return end
  t.equal(ran.code, 1, ran.err)
  t.match(ran.out, "^fails    curl      it didn't end in time\n")
end)

t.test("files that can't be executed", function()
  local folder = fake({ "curl" }, "\0no program")
  local row = report("env PATH=" .. folder, "curl").curl
  t.equal(row.result, "fails")
  t.has(row.found, "it can't be started")
  t.run("chmod -x " .. folder .. "/curl")
  t.has(report("env PATH=" .. folder, "curl").curl.found, "it can't be started: Permission denied")
end)

t.test("the lab that doesn't start", function()
  local folder = t.temp_dir()
  t.run(("cp %s %s/diaglab"):format(t.quote(t.diaglab), folder))
  local ran = t.run(t.command { folder .. "/diaglab", "doctor", "--json" })
  t.equal(ran.code, 1, ran.err)
  local rows = {}
  for _, row in ipairs(read_json(ran.out).probes) do rows[row.name] = row end
  has_result(rows, "fails", { "lab" })
  t.has(rows.lab.found, "the lab didn't start: ")
  has_result(rows, "skipped", { "curl", "pprof", "strace" })
end)

t.test("Ctrl-C ends what it has started", function()
  local folder = fake({ "curl" }, "#!/bin/sh\n/bin/sleep 86398\n")
  local doctor = t.spawn(("env PATH=%s %s doctor curl"):format(folder, t.quote(t.diaglab)))
  t.eventually(function() return t.run("ps -eo args | grep '[s]leep 86398'").out ~= "" end)
  doctor:signal("INT")
  t.equal(doctor:wait(), 130)
  t.equal(t.run("ps -eo args | grep -c '[s]leep 86398'").out, "0\n")
end)

t.test("nohup has it go on when the terminal is closed", function()
  local folder = fake({ "curl" }, "#!/bin/sh\n/bin/sleep 86397\n")
  local doctor = t.spawn(("env PATH=%s /usr/bin/nohup %s doctor curl"):format(folder, t.quote(t.diaglab)))
  t.eventually(function() return t.run("ps -eo args | grep '[s]leep 86397'").out ~= "" end)
  local ignored = t.read(("/proc/%d/status"):format(doctor.pid)):match("SigIgn:%s*(%x+)")
  t.equal(tonumber(ignored, 16) & 1, 1, "HUP is signal 1")
  doctor:signal("INT")
  t.equal(doctor:wait(), 130)
end)

-- ---- the command line ------------------------------------------------------------

t.test("what it refuses", function()
  local cases = { { "strac", "there is no probe 'strac'; did you mean 'strace'?" },
    { "--port=70000", "there is no port 70000" }, { "--timeout=0", "not a whole number" },
    { "--jsn", "unknown option --jsn; did you mean '--json'?" }, { "\27[1m", "there is no probe '\\x1b[1m'" } }
  for _, case in ipairs(cases) do
    local ran = t.run(t.command { t.diaglab, "doctor", case[1] })
    t.equal(ran.code, 2)
    t.has(ran.err, case[2])
    t.equal(ran.out, "")
  end
end)

t.test("it is listed, and lists its probes", function()
  t.match(t.run(t.diaglab .. " --help").out, "\n  doctor +say what this machine lacks")
  local list = t.run(t.diaglab .. " doctor --list")
  t.equal(list.code, 0)
  for _, name in ipairs(BRIEF) do t.match("\n" .. list.out, "\n" .. name .. " +%l+ +%S") end
  t.match(list.out, "\nlsof +needed ")
  t.match(list.out, "\nperf +optional ")
end)

t.test("on a terminal it says what it is about to do", function()
  if not t.have("script") then return end
  local ran = t.run(t.command { "script", "-qec", t.diaglab .. " doctor curl", "/dev/null" })
  t.has(ran.out, "  ...      curl\r\27[Kok       curl ")
end)

-- ---- other machines --------------------------------------------------------------

-- remedy.lua on a machine where FILES are there, and apt's LISTS.
local function remedy_of(files, user, lists)
  return assert(loadfile(t.source .. "/lua/remedy.lua"))({
    read = function(path) return files[path] end,
    scan = function(path) return path == "/var/lib/apt/lists" and lists or nil end,
    exists = function(path) return files[path] ~= nil end,
    machine = function() return { user = user, kernel = "Linux 6.1", machine = "x86_64" } end,
  })
end

t.test("the command is this machine's", function()
  local lists = { ".", "..", "lock", "deb.debian.org_dists_bookworm_main_Packages" }
  local ubuntu = remedy_of({ ["/etc/os-release"] = 'ID=ubuntu\nID_LIKE=debian\nPRETTY_NAME="Ubuntu 24.04"\n' }, 1000,
    lists)
  t.equal(ubuntu.install("lsof"), "sudo apt-get install lsof")
  t.equal(ubuntu.install("linux-perf"), "sudo apt-get install linux-tools-generic")
  local mint = remedy_of({ ["/etc/os-release"] = 'ID=linuxmint\nID_LIKE="ubuntu debian"\n' }, 0, lists)
  t.equal(mint.install("linux-perf"), "apt-get install linux-tools-generic")
  t.equal(ubuntu.sysctl("a.b=0"), "sudo sysctl a.b=0")
  t.equal(ubuntu.place(), "Ubuntu 24.04, Linux 6.1 x86_64")
  local root = remedy_of({ ["/etc/os-release"] = "ID=debian", ["/.dockerenv"] = "" }, 0, lists)
  t.equal(root.install("linux-perf"), "apt-get install linux-perf")
  local image = { ["/etc/os-release"] = "ID=debian" } -- without lists apt-get finds nothing
  for _, none in ipairs { { ".", "..", "partial" }, false } do
    t.equal(remedy_of(image, 0, none or nil).install("lsof"), "apt-get update && apt-get install lsof")
    t.equal(remedy_of(image, 1, none or nil).install("lsof"), "sudo apt-get update && sudo apt-get install lsof")
  end
  t.equal(root.sysctl("a.b=0", "--cap-add X"),
    "on the container's host: sudo sysctl a.b=0, or start the container with --cap-add X")
  t.equal(root.place(), "unknown system, Linux 6.1 x86_64, in a container, as root")
  local fedora = remedy_of({ ["/etc/os-release"] = "ID=fedora\n", ["/proc/1/cgroup"] = "0::/kubepods/x\n" }, 1000)
  t.equal(fedora.install("lsof"), "install what Debian calls lsof")
  t.check(fedora.machine.container)
end)

t.finish()
