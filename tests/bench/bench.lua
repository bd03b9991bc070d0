-- SPDX-License-Identifier: MIT
-- diaglab against its peers, measured in one run on one machine: a table of
-- ratios. ./lab bench builds what is needed and calls this.
--
--   bench.lua [GROUP...]     start request http copy sampler heap lua trace sync
--                            tasks pprof load captures client flight; all unless told
--
-- Environment: BUILD_DIR, SOURCE_DIR; ROUNDS (5) and SECONDS (5) of each wrk run
-- shorten a try. Whoever is compared takes turns, and medians are compared, so
-- that a machine whose speed changes slows both. Where a row measures CPU
-- seconds, other programs on the machine disturb little; requests per second
-- want a quiet machine.
local build = assert(os.getenv("BUILD_DIR"), "BUILD_DIR is not set; use ./lab bench")
local source = assert(os.getenv("SOURCE_DIR"), "SOURCE_DIR is not set; use ./lab bench")
local here = source .. "/tests/bench"
package.path = source .. "/tests/integration/?.lua;" .. package.path

local t = require "harness"
local peers = assert(loadfile(source .. "/tests/bench/peers.lua"))(t, build)
t.diaglab = build .. "/diaglab"

local ROUNDS = tonumber(os.getenv("ROUNDS") or 5)
local SECONDS = tonumber(os.getenv("SECONDS") or 5)

-- ---- the table ----------------------------------------------------------------

local FORMAT = "%-44s %14s %14s %7s  %s"

local function header()
  print(FORMAT:format("what", "diaglab", "peer", "ratio", "goal"))
end

-- GOAL: ">= 0.95", "<= 1.01", or nil.
local function verdict(ratio, goal)
  if not goal then return "" end
  local sign, bound = goal:match("^([<>])= (.+)$")
  bound = tonumber(bound)
  local met = sign == ">" and ratio >= bound or sign == "<" and ratio <= bound
  return goal .. (met and "" or "  MISSED")
end

-- The ratio is diaglab / peer: of rates, more is better; of times, less.
local function row(what, format, ours, theirs, goal)
  local ratio = ours / theirs
  print(FORMAT:format(what, format:format(ours), format:format(theirs),
    ("%.3f"):format(ratio), verdict(ratio, goal)))
  io.stdout:flush()
end

-- ---- measuring ----------------------------------------------------------------

local function median(values)
  table.sort(values)
  return values[(#values + 1) // 2]
end

-- Runs each function ROUNDS times, taking turns; returns the medians in order.
local function alternate(...)
  local functions, values = { ... }, {}
  for i = 1, #functions do values[i] = {} end
  for _ = 1, ROUNDS do
    for i, f in ipairs(functions) do table.insert(values[i], f()) end
  end
  for i = 1, #functions do values[i] = median(values[i]) end
  return table.unpack(values)
end

local function number(text, what)
  local n = tonumber((text:gsub("%s+$", "")))
  return n or error(("%s answered %q instead of a number"):format(what, text))
end

-- The number that a program of ours prints.
local function program(...)
  local result = t.run(t.command { ... })
  if result.code ~= 0 then error(result.err) end
  return number(result.out, (...))
end

-- The number that a GET answers.
local function ask(url)
  local answer = t.http(url)
  if answer.status ~= 200 then
    error(("%s: %s %s"):format(url, answer.status or answer.failure, answer.body))
  end
  return number(answer.body, url)
end

local function start(...)
  return t.start_with({ here .. "/scenarios", source .. "/scenarios" }, ...)
end

local function go_to(lab, query)
  local answer = lab:get("/goto?step=" .. query)
  if answer.status ~= 200 then error("/goto?step=" .. query .. ": " .. answer.body) end
end

local function go_peer()
  local peer = t.spawn(t.command { build .. "/tests/peer", "127.0.0.1:0" })
  return "http://" .. t.eventually(function()
    return peer:err():match("listening on (%S+)\n")
  end)
end


local function bare_server()
  local port = peers.free_port()
  t.spawn(t.command { build .. "/tests/bare_server", port })
  local url = "http://127.0.0.1:" .. port
  t.eventually(function() return t.http(url).status == 200 end)
  return url
end

local function requests_per_second(url)
  local wrk = t.run(("wrk -t1 -c64 -d%ds %s/"):format(SECONDS, url))
  if wrk.out:find("Non-2xx", 1, true) then error(url .. " answered errors\n" .. wrk.out) end
  return tonumber(wrk.out:match("Requests/sec:%s*([%d.]+)")) or error(wrk.out .. wrk.err)
end

-- ---- the rows -----------------------------------------------------------------

local groups, order = {}, { "start", "request", "http", "copy", "sampler", "heap", "lua", "trace", "sync", "tasks",
  "pprof", "load", "client", "flight" }

-- Milliseconds to the first answer, and the CPU time until then: the smallest
-- and the middle of STARTS each, of several programs that take turns.
local STARTS = 25
local function start_times(...)
  local commands, wall, cpu = { ... }, {}, {}
  for i = 1, #commands do wall[i], cpu[i] = {}, {} end
  for round = 1, STARTS do
    for i, command in ipairs(commands) do
      local port, words = command()
      local result = t.run(t.command { build .. "/tests/start_time", port, table.unpack(words) })
      local ms, cpu_ms = result.out:match("^(%S+) (%S+)\n")
      if not ms then error(result.err) end
      wall[i][round], cpu[i][round] = tonumber(ms), tonumber(cpu_ms)
    end
    t.clean()
  end
  for i = 1, #commands do
    local middle, middle_cpu = median(wall[i]), median(cpu[i]) -- which sorts
    wall[i] = { min = wall[i][1], middle = middle }
    cpu[i] = { min = cpu[i][1], middle = middle_cpu }
  end
  return wall, cpu
end

function groups.start()
  local wall, cpu = start_times(peers.lab, peers.go, peers.lighttpd)
  row("start to first answer, against Go (ms)", "%.1f", wall[1].middle, wall[2].middle, "<= 1")
  row("  the fastest", "%.1f", wall[1].min, wall[2].min)
  row("  the fastest, against 15 ms", "%.1f", wall[1].min, 15, "<= 1")
  row("  CPU time, the fastest", "%.1f", cpu[1].min, cpu[2].min)
  row("  against lighttpd with Lua, the fastest", "%.1f", wall[1].min, wall[3].min)
end

local function rss(pid)
  return tonumber(t.read("/proc/" .. pid .. "/status"):match("VmRSS:%s*(%d+) kB")) / 1024
end

local function cpu_seconds(pid)
  local list = t.run(("cat /proc/%d/task/*/schedstat"):format(pid)).out
  local ns = 0
  for n in list:gmatch("(%d+) %d+ %d+\n") do ns = ns + tonumber(n) end
  return ns / 1e9
end

-- Starts a server. It has answered, was idle for two seconds, and has answered
-- once more when this returns.
local function serve(command)
  local port, words = command()
  local server = t.spawn(t.command(words))
  local url = "http://127.0.0.1:" .. port
  t.eventually(function() return t.http(url).status == 200 end)
  t.sleep(2)
  local answer = t.http(url)
  if answer.body ~= "hello world" then error(words[1] .. " says " .. tostring(answer.body)) end
  return { url = url, pid = server.pid, idle = rss(server.pid) }
end

-- CPU microseconds of the server for one request.
local function request_cost(server)
  return function()
    local before = cpu_seconds(server.pid)
    local wrk = t.run(("wrk -t1 -c64 -d%ds %s/"):format(SECONDS, server.url))
    local spent = cpu_seconds(server.pid) - before
    if wrk.out:find("Non-2xx", 1, true) then error(server.url .. " answered errors\n" .. wrk.out) end
    return spent * 1e6 / tonumber(wrk.out:match("(%d+) requests in"))
  end
end

function groups.request()
  local lab, lighttpd, nginx, go =
    serve(peers.lab), serve(peers.lighttpd), serve(peers.nginx), serve(peers.go)
  local ours, magnet, openresty, theirs =
    alternate(request_cost(lab), request_cost(lighttpd), request_cost(nginx), request_cost(go))
  row("/ with its log, against lighttpd without (CPU us)", "%.2f", ours, magnet, "<= 1")
  row("  against nginx with Lua, without (CPU us)", "%.2f", ours, openresty)
  row("  against Go with its log (CPU us)", "%.2f", ours, theirs)
  row("idle RSS, against 6 MB", "%.2f", lab.idle, 6, "<= 1")
  row("  against lighttpd with Lua (MB)", "%.2f", lab.idle, lighttpd.idle)
  row("  against nginx with Lua (MB)", "%.2f", lab.idle, nginx.idle)
  row("  against Go (MB)", "%.2f", lab.idle, go.idle)
  row("RSS after these requests, against lighttpd (MB)", "%.2f", rss(lab.pid), rss(lighttpd.pid))
end

function groups.http()
  local lab, go, bare = start(), go_peer(), bare_server()
  local ours, theirs, ceiling = alternate(
    function() return requests_per_second(lab.url) end,
    function() return requests_per_second(go) end,
    function() return requests_per_second(bare) end)
  row("/ at step 0, against Go (requests/s)", "%.0f", ours, theirs, ">= 2")
  row("/ at step 0, against bare libuv + llhttp", "%.0f", ours, ceiling, ">= 0.9")
end

function groups.copy()
  local lab, go = start(), go_peer()
  local function copy(query)
    return function()
      go_to(lab, "90&" .. query)
      return ask(lab.url .. "/") / 1e6
    end
  end
  local again, limit, fresh, theirs, prng = alternate(
    copy("fresh=false"),
    function() return program(build .. "/tests/getrandom_limit", "1") / 1e6 end,
    copy("fresh=true"),
    function() return 10 / ask(go .. "/alloc?rounds=20") end,
    copy("fresh=false&source=prng&rounds=200"))
  row("copy_n, against bare getrandom (MB/s)", "%.0f", again, limit, ">= 0.95")
  row("10 MB into a new buffer, against Go (MB/s)", "%.0f", fresh, theirs, ">= 1")
  row("copy_n of lab.prng, against 3000 MB/s", "%.0f", prng, 3000, ">= 1")
end

-- CPU seconds of the VM's thread for a program of scenario 91.
local function work(lab)
  return function() return ask(lab.url .. "/") end
end

-- The same while a CPU profile is taken.
local function profiled(lab, hz)
  return function()
    local curl = t.spawn(("curl -sS -o /dev/null '%s/debug/pprof/profile?seconds=600&hz=%d'")
      :format(lab.url, hz))
    t.sleep(0.3)
    local seconds = ask(lab.url .. "/")
    if not curl:alive() then error("the profile ended early: " .. curl:err()) end
    curl:signal("TERM")
    curl:wait()
    return seconds
  end
end

function groups.sampler()
  local lab = start()
  go_to(lab, "91&program=mixed&rounds=5")
  local plain, at100, at1000 = alternate(work(lab), profiled(lab, 100), profiled(lab, 1000))
  row("Lua profiled at 100 Hz (CPU s)", "%.3f", at100, plain, "<= 1.01")
  row("Lua profiled at 1000 Hz (CPU s)", "%.3f", at1000, plain, "<= 1.03")
  local samples = t.run(t.command { build .. "/tests/bench_vm_sampler", 1000, 10 * ROUNDS })
  if samples.code ~= 0 then error(samples.err) end
  for case, alone, sample in samples.out:gmatch("([^\t\n]+)\t(%S+)\t(%S+)") do
    alone, sample = tonumber(alone), tonumber(sample)
    row(("a sample, %s, against a bare signal (us)"):format(case), "%.1f", sample, alone)
    row("  against 30 us, 3 % at 1000 Hz", "%.1f", sample, 30, "<= 1")
  end
end

function groups.heap()
  local sampling, off = start(), start("--memprofile-rate", "0")
  go_to(sampling, "91&program=trees&rounds=30")
  go_to(off, "91&program=trees&rounds=30")
  local with, without = alternate(work(sampling), work(off))
  row("heap sampling at 512 KiB, against off (CPU s)", "%.3f", with, without, "<= 1.03")
end

local STOCK = [[
  local program = dofile("%s/scenarios/91-work/programs.lua").%s
  local began = os.clock()
  for _ = 1, %d do program() end
  print(os.clock() - began)]]

function groups.lua()
  local lab = start()
  for _, name in ipairs { "calls", "trees", "strings", "sort" } do
    local rounds = name == "trees" and 30 or 10
    go_to(lab, ("91&program=%s&rounds=%d"):format(name, rounds))
    local ours, theirs = alternate(work(lab),
      function() return program("lua5.4", "-e", STOCK:format(here, name, rounds)) end)
    row(("Lua %s, against stock lua5.4 (CPU s)"):format(name), "%.3f", ours, theirs, "<= 1")
  end
end

-- Bytes of a trace of SECONDS while RUN runs, and what that returns.
local function traced(url, seconds, run)
  local file = t.temp_dir() .. "/trace.out"
  local curl = t.spawn(("curl -sSN -o %s '%s/debug/pprof/trace?seconds=%d'"):format(file, url, seconds))
  t.sleep(0.3)
  local result = run()
  if curl:wait(seconds + 10) ~= 0 then error("no trace: " .. curl:err()) end
  return result, file
end

local function bytes_per_event(file)
  local dump = t.command { "lua5.4", t.source .. "/tests/integration/trace_dump.lua", file }
  local _, events = t.run(dump).out:gsub("\n", "")
  return #t.read(file) / events
end

function groups.trace()
  local off, on, bytes = t.run(build .. "/tests/bench_trace").out:match("(%S+) (%S+) (%S+)")
  row("an event, no trace (ns, against 1)", "%.2f", tonumber(off), 1, "<= 1")
  row("an event of a trace (ns, against 100)", "%.1f", tonumber(on), 100, "<= 1")
  local lab = start("--trace-events", "1000000000")
  go_to(lab, "93")
  local plain, seen = alternate(work(lab), function() return (traced(lab.url, 1, work(lab))) end)
  row("  with a stack (ns, against 100)", "%.1f", (seen - plain) / 2, 100)
  go_to(lab, "0")
  local go = go_peer()
  local ours, ours_traced, theirs, theirs_traced = alternate(
    function() return requests_per_second(lab.url) end,
    function()
      return (traced(lab.url, SECONDS + 1, function() return requests_per_second(lab.url) end))
    end,
    function() return requests_per_second(go) end,
    function()
      return (traced(go, SECONDS + 1, function() return requests_per_second(go) end))
    end)
  row("requests/s kept in a trace, against 0.9", "%.3f", ours_traced / ours, 0.9, ">= 1")
  row("  against Go", "%.3f", ours_traced / ours, theirs_traced / theirs, ">= 1")
  local function short(url)
    return select(2, traced(url, 1, function() t.run("wrk -t1 -c8 -d1s " .. url) end))
  end
  row("bytes per event, against Go", "%.1f", bytes_per_event(short(lab.url)), bytes_per_event(short(go)))
  row("  of starts and yields alone", "%.1f", tonumber(bytes), bytes_per_event(short(go)))
end

local PARKED = 100000

-- Starts tasks that park; they end before this returns. QUERY: see peer.go.
local function parking(url, query)
  return function()
    local ns = ask(url .. "/park?n=" .. PARKED .. (query or ""))
    ask(url .. "/unpark")
    return ns
  end
end

-- The bytes of a parked task, and the ns to start the first ones of a process.
local function first_parked(lab)
  local before = lab:vars()("HeapAlloc")
  local ns = ask(lab.url .. "/park?n=" .. PARKED)
  local bytes = (lab:vars()("HeapAlloc") - before) / PARKED
  ask(lab.url .. "/unpark")
  return bytes, ns
end

-- Go records nothing for a trace of the past; what that costs is a row of its own.
function groups.sync()
  local lab, recording, go = start("--step", "94", "--flight", "0"), start("--step", "94"), go_peer()
  local function both(path)
    return function() return ask(lab.url .. path) end, function() return ask(go .. path) end
  end
  local bytes, first = first_parked(lab)
  local first_of_go = parking(go)()
  row("a parked task (bytes)", "%.0f", bytes, ask(go .. "/parked"), "<= 0.6")
  row("start and park the first tasks (CPU ns)", "%.0f", first, first_of_go, "<= 1")
  local ours, theirs = alternate(parking(lab.url), parking(go))
  row("start and park a task later (CPU ns)", "%.0f", ours, theirs, "<= 1")
  ours, theirs = alternate(parking(lab.url, "&wall=1"), parking(go, "&wall=1"))
  row("  time that passes (ns)", "%.0f", ours, theirs, "<= 1")
  for _, what in ipairs {
    { "start and join a task (CPU ns)", "/spawn?n=200000" },
    { "channel there and back (CPU ns)", "/pingpong?n=200000" },
    { "  with time limits (CPU ns)", "/limited?n=200000" },
    { "mutex, nobody waits (CPU ns)", "/mutex?n=2000000" },
    { "profile, add and remove (CPU ns)", "/profile?n=200000" },
  } do
    ours, theirs = alternate(both(what[2]))
    row(what[1], "%.0f", ours, theirs)
    if what[2]:find("pingpong", 1, true) then
      ours, theirs = alternate(function() return ask(recording.url .. what[2]) end, (both(what[2])))
      row("  with the flight recorder, against without", "%.0f", ours, theirs)
    end
  end
  ours, theirs = alternate(both("/echo?n=5000&wall=1"))
  row("a byte there and back over TCP (ns that pass)", "%.0f", ours, theirs)
end

-- Seconds until the whole answer is there.
local function fetching(url)
  local curl = t.command { "curl", "-sS", "-o", "/dev/null", "-w", "%{time_total}", url }
  return function() return number(t.run(curl).out, url) end
end

-- Go cuts the text (debug=2) off at 64 MB, which are 300,000 goroutines.
function groups.tasks()
  for _, n in ipairs { 10000, 100000, 1000000 } do
    local lab, go = start("--step", "94"), go_peer()
    ask(lab.url .. "/park?n=" .. n)
    ask(go .. "/leak?n=" .. n)
    for debug = 0, 2, 2 do
      local profile = "/debug/pprof/goroutine?debug=" .. debug
      local ours, theirs = alternate(fetching(lab.url .. profile), fetching(go .. profile))
      row(("goroutine?debug=%d, %d tasks, against Go (s)"):format(debug, n), "%.4f", ours, theirs, "<= 1")
    end
    t.clean()
  end
end

-- CPU seconds of a command, with its children; and what it prints.
local function cpu_of(command)
  local result = t.run("bash -c " .. t.quote("TIMEFORMAT='%U %S'; time " .. command))
  local user, system = result.err:match("([%d.]+) ([%d.]+)%s*$")
  return tonumber(user) + tonumber(system), result.out
end

function groups.pprof()
  local file = t.temp_dir() .. "/profile"
  local ours, theirs = alternate(
    function() return program(build .. "/tests/bench_pprof_decode", file) end,
    function() return (cpu_of("go tool pprof -proto -output=/dev/null " .. file)) end)
  row("read a profile, against pprof -proto (CPU s)", "%.4f", ours, theirs, "<= 0.5")
end

-- diaglab's own client against wrk, on the same server: requests per second,
-- and the client's CPU time for each, which other programs disturb less.
function groups.load()
  local lab = start()
  local spent = { 0, 0 }
  local function send(i, command, rate, count)
    return function()
      local seconds, text = cpu_of(command)
      spent[i] = spent[i] + seconds
      spent[-i] = (spent[-i] or 0) + tonumber(text:match(count))
      return tonumber(text:match(rate))
    end
  end
  for _, clients in ipairs { 1, 64 } do
    local ours, theirs = alternate(
      send(1, ("%s load --quiet --seconds %d --clients %d %s"):format(t.diaglab, SECONDS, clients,
        lab.url), ", ([%d.]+) answers per second", "^(%d+) requests"),
      send(2, ("wrk -t1 -c%d -d%ds %s/"):format(clients, SECONDS, lab.url),
        "Requests/sec:%s*([%d.]+)", "(%d+) requests in"))
    row(("diaglab load, %d clients, against wrk (req/s)"):format(clients), "%.0f", ours, theirs, ">= 0.9")
    row("  the client's CPU time for a request (us)", "%.1f", spent[1] / spent[-1] * 1e6,
      spent[2] / spent[-2] * 1e6, "<= 1.1")
    spent = { 0, 0 }
  end
end

-- Requests of a scenario on connections that stay, against Go's client: how many a
-- second one server answers, and the CPU time of the process for each.
function groups.client()
  local lab, peer, bare, n = start("--step", "96"), t.spawn(t.command { build .. "/tests/peer", "127.0.0.1:0" }),
    bare_server(), 20000 * SECONDS
  local go = "http://" .. t.eventually(function() return peer:err():match("listening on (%S+)\n") end)
  local spent = { 0, 0 }
  local function send(i, pid, url)
    return function()
      local before = cpu_seconds(pid)
      local rate = ask(("%s?n=%d&url=%s/"):format(url, n, bare))
      spent[i] = spent[i] + cpu_seconds(pid) - before
      return rate
    end
  end
  local ours, theirs = alternate(send(1, lab.pid, lab.url .. "/"), send(2, peer.pid, go .. "/client"))
  row("a client's requests, against Go's (req/s)", "%.0f", ours, theirs)
  row("  CPU time for a request (us)", "%.1f", spent[1] / n / ROUNDS * 1e6, spent[2] / n / ROUNDS * 1e6, "<= 1")
end

groups.flight = assert(loadfile(here .. "/flight.lua"))(t,
  { row = row, start = start, alternate = alternate, request_cost = request_cost, rss = rss,
    free_port = peers.free_port })
groups.captures = assert(loadfile(here .. "/captures.lua"))(t,
  { row = row, start = start, cpu_seconds = cpu_seconds, rounds = ROUNDS })

-- ---- main ---------------------------------------------------------------------

local wanted = #arg > 0 and arg or order
for _, name in ipairs(wanted) do
  if not groups[name] then
    io.stderr:write(("bench: no group %q; there are: %s\n"):format(name, table.concat(order, " ")))
    os.exit(2)
  end
end

header()
local good = true
for _, name in ipairs(wanted) do
  local ok, message = xpcall(groups[name], debug.traceback)
  if not ok then
    good = false
    io.stderr:write(("bench: %s: %s\n"):format(name, message))
  end
  t.clean()
end
os.exit(good)
