-- SPDX-License-Identifier: MIT
-- Tries the lab with each client that it promises to work with: the client does on a
-- lab what its users do, and what it prints is compared. Prints a table with the
-- versions; a client that isn't here has an honest row.
--
--   lua5.4 clients.lua            exits 1 if one that is here fails
--   lua5.4 clients.lua --write    also writes the table into docs/clients.md
--
-- Environment: that of tests/integration, and BROWSER_DIR (tests/browser). Of Go, it
-- tries the one in PATH, those that Debian installs beside it, and those that
-- tools/fetch-go has fetched.
local t = require "harness"
local pages = require "pprof_pages"
local trace = require "trace"
t.need("curl")

local DOCUMENT = t.source .. "/docs/clients.md"
local BEGIN, END = "<!-- clients: begin -->\n", "<!-- clients: end -->"
local rows = {}

-- ---- rows ------------------------------------------------------------------------

-- TRY(row) -> what it did, in a few words; it raises if something is wrong. What only
-- works in part goes to row.limit.
local function client(name, is_here, version, try)
  local row = { name = name, version = "-", did = "-", result = "not on this machine" }
  rows[#rows + 1] = row
  if not is_here then return print("--   " .. name) end
  row.result = "**fails**"
  t.test(name, function()
    row.version = version() or "?"
    row.did = try(row)
    row.result = row.limit and "works, but " .. row.limit or "works"
  end)
end

-- What COMMAND prints after BEFORE, a pattern.
local function version_of(command, before)
  return function()
    local ran = t.run(command)
    return ("\n" .. ran.out .. ran.err):match(before .. "(%d[%w.%-+~]*)")
  end
end

local function program(tool, command, before, try)
  client(tool, t.have(tool), version_of(command, before), try)
end

-- ---- those of the course, which diaglab doctor tries -----------------------------

local function doctor_rows()
  local ran = t.run(t.diaglab .. " doctor --json --port " .. t.free_port())
  return assert(loadfile(t.source .. "/lua/json.lua"))()(ran.out).probes
end

local NAMES = { curl = "curl", ps = "ps", lsof = "lsof", graphviz = "dot", ss = "ss", strace = "strace", gdb = "gdb",
  perf = "perf", browser = "browser" }

local function try_doctor()
  for _, seen in ipairs(doctor_rows()) do
    local name = NAMES[seen.name]
    if name then
      name = seen.path and seen.path:match("[^/]+$") or name
      client(name, seen.path, function() return seen.version end, function()
        t.equal(seen.result, "ok", seen.found)
        return seen.found
      end)
    end
  end
end

-- ---- Go --------------------------------------------------------------------------

local function go_version(go) return version_of(go .. " version", "go version go") end

-- Each kind of view; the heap of step 3 has one row for certain.
local function try_pprof(go)
  local lab = t.start("--step", "3")
  for _ = 1, 3 do lab:get("/") end
  local heap, old = lab.url .. "/debug/pprof/heap", t.temp_file() .. ".pb.gz"
  local function run(...)
    local ran = t.run(("PPROF_TMPDIR=%s %s tool pprof %s"):format(t.quote(t.temp_dir()), go, t.command { ... }))
    t.equal(ran.code, 0, ran.err)
    return ran.out
  end
  local leak = "archive.leakMemory"
  local share = tonumber((t.match(run("-top", heap), "\n *[%d.]+[kM]B +([%d.]+)%%[^\n]+ lab_buffer_grow\n")))
  t.between(share, 90, 100, "of the heap; a small object may be in it")
  for _, view in ipairs { "-peek=leakMemory", "-tree", "-traces", "-dot" } do t.has(run(view, heap), leak, view) end
  t.match(run("-list=leakMemory", heap), "ROUTINE =+ archive%.leakMemory in [^\n]+scenario%.lua")
  run("-proto", "-output=" .. old, heap)
  t.has(run("-top", "-base=" .. old, heap), "Showing nodes accounting for 0, 0% of ")
  t.has(run("-raw", lab.url .. "/debug/pprof/goroutine"), "PeriodType: goroutine count\n")
  local first = pages.look(go, old, leak)
  t.equal(lab:stop(), 0)
  return "top, peek, tree, traces, list, dot, base; all pages of `-http`, first the " .. first
end

-- Step 4's request waits for copies, which is its profile `syscall`: some versions get
-- that of our format wrong (docs/handbook/traces.md).
local function try_trace(go, row)
  local lab, file = t.start("--step", "4"), t.temp_file() .. ".trace"
  local curl = t.spawn(t.command { "curl", "-s", "-o", file, lab.url .. "/debug/pprof/trace?seconds=2" })
  for _ = 1, 2 do lab:get("/") end
  t.equal(curl:wait(), 0)
  trace.accepted(file, go)
  local profile = t.temp_file() .. ".pb.gz"
  t.equal(t.run(("%s tool trace -pprof=syscall %s >%s"):format(go, file, profile)).code, 0)
  t.equal(lab:stop(), 0)
  if t.run(("%s tool pprof -top %s"):format(go, profile)).out:find("lab.copy_n", 1, true) then
    return "all pages; profiles of waiting: net, sync, syscall, sched"
  end
  -- Go 1.23 and 1.24 have a fault there; no other version may.
  t.match(row.version, "^1%.2[34]", "its profile syscall is wrong")
  row.limit = "its profiles syscall and sched are wrong"
  return "all pages; profiles of waiting: net, sync"
end

local function try_go()
  local all = t.have("go") and { "go" } or {}
  table.move(trace.others(), 1, #trace.others(), #all + 1, all)
  for _, go in ipairs(#all > 0 and all or { "go" }) do
    client("go tool pprof", t.have(go), go_version(go), function() return try_pprof(go) end)
    client("go tool trace", t.have(go), go_version(go), function(row) return try_trace(go, row) end)
  end
end

-- ---- others ----------------------------------------------------------------------

local function try_google_pprof()
  local lab = t.start("--step", "3")
  for _ = 1, 3 do lab:get("/") end
  local ran = t.run(("PPROF_TMPDIR=%s google-pprof --text %s/pprof/heap"):format(t.quote(t.temp_dir()), lab.url))
  t.match(ran.out, "100%.0%% archive%.leakMemory\n")
  t.equal(lab:stop(), 0)
  return "the table of a heap profile"
end

local function try_promtool()
  local lab = t.start()
  local ran = t.run(("curl -s %s/metrics | promtool check metrics"):format(lab.url))
  t.equal(ran.code, 0, ran.err .. ran.out)
  local folder = t.temp_dir()
  t.equal(t.run(("cd %s && promtool debug metrics %s"):format(folder, lab.url)).code, 0)
  t.equal(lab:stop(), 0)
  return "`check metrics` finds nothing, `debug metrics` packs them"
end

local function try_prometheus()
  local lab, folder, port = t.start("--step", "5"), t.temp_dir(), t.free_port()
  t.write(folder .. "/prometheus.yml", ("global: { scrape_interval: 1s }\nscrape_configs:\n  - job_name: diaglab\n"
    .. '    static_configs: [ { targets: [ "127.0.0.1:%s" ] } ]\n'):format(lab.port))
  local server = t.spawn(("prometheus --config.file=%s/prometheus.yml --storage.tsdb.path=%s/data "
    .. "--web.listen-address=127.0.0.1:%s --log.level=warn"):format(folder, folder, port))
  for expression, value in pairs { ['up{job="diaglab"}'] = "1", diaglab_step = "5" } do
    t.eventually(function()
      local answer = t.http(("http://127.0.0.1:%s/api/v1/query"):format(port), "-G", "--data-urlencode",
        "query=" .. expression)
      return answer.body:find(('"%s"]'):format(value), 1, true)
    end)
  end
  server:signal("TERM")
  server:wait()
  t.equal(lab:stop(), 0)
  return "scrapes the lab, and answers queries of its step"
end

local function try_wrk()
  local lab = t.start()
  local out = t.run(("wrk -t1 -c2 -d1s %s/"):format(lab.url)).out
  t.check(tonumber((t.match(out, "(%d+) requests in "))) > 0, out)
  t.check(not out:find("Non-2xx", 1, true) and not out:find("Socket errors", 1, true), out)
  t.equal(lab:stop(), 0)
  return "a second of requests, all answered"
end

local function try_ab()
  local lab = t.start()
  local out = t.run(("ab -q -n 100 -c 4 %s/"):format(lab.url)).out
  t.match(out, "Complete requests: +100\n")
  t.match(out, "Failed requests: +0\n")
  t.equal(lab:stop(), 0)
  return "100 requests, all answered"
end

local function try_valgrind()
  local lab = t.spawn(("valgrind --tool=none %s --listen 127.0.0.1:0 --state none"):format(t.quote(t.diaglab)))
  local url = t.eventually(function() return lab:err():match("HTTP server started on (%S+)\n") end, 120)
  t.equal(t.http("http://" .. url .. "/", "--max-time", "60").body, "hello world")
  lab:signal("TERM")
  t.equal(lab:wait(), 0)
  return "runs the lab; `tests/clean/valgrind` looks for its faults"
end

local function try_bpftrace()
  t.has(t.run("bpftrace -l 'usdt:" .. t.diaglab .. ":*'").out, "diaglab")
  return "lists the lab's probes"
end

-- Debian has it in a package of Perl's profiler, and not in PATH. Its root is as wide as
-- all lines together; a line that it doesn't understand it names in its errors.
local FLAMEGRAPH = "/usr/share/perl5/Devel/NYTProf/flamegraph.pl"

local function try_flamegraph()
  local lab = t.start("--step", "3")
  for _ = 1, 3 do lab:get("/") end
  local busy = t.spawn(("curl -s --max-time 20 '%s/?[1-9999]'"):format(lab.url))
  for path, name in pairs { ["allocs?"] = "archive.leakMemory", ["profile?seconds=2&label=route&"] = "route=/",
    ["wall?seconds=1&"] = "main.helloWorldHandler" } do
    local lines, sum = lab:get("/debug/pprof/" .. path .. "debug=collapsed", "--max-time", "60").body, 0
    for value in lines:gmatch(" (%d+)\n") do sum = sum + math.tointeger(value) end
    local drawn = t.run("perl " .. FLAMEGRAPH, lines)
    t.equal(drawn.code, 0, drawn.err)
    t.equal(drawn.err, "", path)
    local all = t.match(drawn.out, "<title>all %(([%d,]+) samples, 100%%%)</title>")
    t.equal(math.tointeger((all:gsub(",", ""))), sum, path .. ": the root")
    t.has(drawn.out, "<title>" .. name .. " (", path)
  end
  busy:signal("TERM")
  busy:wait()
  t.equal(lab:stop(), 0)
  return "draws `allocs`, a CPU profile by routes and a wall profile (it is in libdevel-nytprof-perl)"
end

-- speedscope is a package of npm's: the test that has it also fetches it.
local function try_speedscope()
  local folder = os.getenv("BROWSER_DIR")
  local can = folder and t.have("node") and t.have("npm") and t.have("chromium")
  local test = t.source .. "/tests/browser/test_speedscope.lua"
  local function version()
    return t.read(t.source .. "/tests/browser/package-lock.json"):match('speedscope": {%s+"version": "([%d.]+)"')
  end
  client("speedscope", can, version, function()
    local ran = t.run("lua5.4 " .. t.quote(test))
    t.equal(ran.code, 0, ran.out:sub(-2000) .. ran.err:sub(-500))
    return "opens traces of seven steps, a CPU profile and one as text, without a complaint"
  end)
end

-- ---- the table -------------------------------------------------------------------

local function table_text()
  local system = (t.read("/etc/os-release") or ""):match('PRETTY_NAME="([^"]*)"') or "an unknown system"
  local out = { ("On %s, %s:\n\n"):format(system, t.run("uname -m").out:match("%S+")),
    "| client | version | what it did | result |\n| --- | --- | --- | --- |\n" }
  for _, row in ipairs(rows) do
    out[#out + 1] = ("| %s | %s | %s | %s |\n"):format(row.name, row.version, row.did, row.result)
  end
  return table.concat(out)
end

local function write_document(text)
  local whole = t.read(DOCUMENT)
  local _, head = whole:find(BEGIN, 1, true)
  local tail = whole:find(END, 1, true)
  t.write(DOCUMENT, whole:sub(1, head) .. text .. whole:sub(tail))
end

try_go()
try_doctor()
program("google-pprof", "google-pprof --version", "gperftools ", try_google_pprof)
program("promtool", "promtool --version", "promtool, version ", try_promtool)
program("prometheus", "prometheus --version", "prometheus, version ", try_prometheus)
program("wrk", "wrk -v", "\nwrk [^%d\n]*", try_wrk)
program("ab", "ab -V", "Version ", try_ab)
program("valgrind", "valgrind --version", "valgrind%-", try_valgrind)
program("bpftrace", "bpftrace --version", "bpftrace v", try_bpftrace)
client("flamegraph.pl", t.read(FLAMEGRAPH), version_of("dpkg-query -W libdevel-nytprof-perl", "\t"), try_flamegraph)
try_speedscope()

local text = table_text()
print("\n" .. text)
if arg[1] == "--write" then write_document(text) end

t.test("docs/clients.md has each client", function()
  local document = t.read(DOCUMENT)
  for _, row in ipairs(rows) do
    if row.name ~= "browser" then t.has(document, ("| %s | "):format(row.name)) end
  end
end)

t.finish()
