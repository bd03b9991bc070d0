-- SPDX-License-Identifier: MIT
-- Attacks, one after the other: bad clients in crowds, and steps that do their
-- worst. Meanwhile honest clients ask for /status, /goto and `/` again and
-- again: /status is always answered, and in time; /goto too. Afterwards the lab
-- has given everything back. Prints a table.
-- needs: processor
--
-- ATTACK=text chooses the attacks whose names contain the text;
-- ATTACK_CLIENTS and ATTACK_SECONDS are the size of each.
local t = require "harness"
t.need("curl", "cc", "ps")

local LONG = os.getenv("LAB_LONG") ~= nil
local CLIENTS = tonumber(os.getenv("ATTACK_CLIENTS") or LONG and 19500 or 600)
local SECONDS = tonumber(os.getenv("ATTACK_SECONDS") or LONG and 4 or 0.5)
local CHOSEN = os.getenv("ATTACK") or ""
-- Beside other programs the lab waits for a processor, too: as often as the
-- slowest of the honest clients' other requests, and some times more, because
-- an answer is made by several threads.
local LIMIT_MS, LEAVING_MS, HOPS = 100, 1000, 20

-- ---- what is sent ---------------------------------------------------------------

local function get(path, ...)
  local lines = { "GET " .. path .. " HTTP/1.1", "Host: localhost", ... }
  return table.concat(lines, "\r\n") .. "\r\n\r\n"
end

local function post(...)
  return table.concat({ "POST / HTTP/1.1", "Host: localhost", ... }, "\r\n") .. "\r\n\r\n"
end

local CLOSE = "Connection: close"
local PPROF = "/debug/pprof/"

-- Clients: `first` is sent once, `next` again and again (every so many
-- milliseconds one byte of it); other fields are options of attack_clients.
-- `most`: no more clients than that. `step`: they ask for it.
local CROWDS = {
  { "say nothing", first = "" },
  { "half of the headers", first = "GET / HTTP/1.1\r\nHost: localhost\r\nX: " },
  { "half of a body", first = post("Content-Length: 60000") .. "abc" },
  { "one request, then idle", first = get "/" },
  { "a byte per second", first = "", next = get("/", "X: " .. ("x"):rep(1000)), every = 1000 },
  { "take no answer", first = get("/metrics"):rep(100), read = "none", most = 300 },
  { "take an answer slowly", first = get("/debug/vars"):rep(10), read = "slow", every = 50, most = 300 },
  { "take no profile", first = get(PPROF .. "goroutine?debug=2"):rep(50), read = "none", most = 100 },
  { "connect and reset", first = "", ["end"] = "reset", again = 1 },
  { "ask and reset", first = get "/", ["end"] = "reset", again = 1 },
  { "ask and close half", first = get("/", CLOSE), ["end"] = "half", again = 1 },
  { "pipeline without an end", first = get "/", next = get("/"):rep(20), most = 20 },
  { "pipeline, take nothing", first = get "/", next = get("/status"):rep(20), read = "none", most = 20 },
  { "headers without an end", first = "GET / HTTP/1.1\r\nHost: localhost\r\n", next = ("X: y\r\n"):rep(100), again = 1 },
  { "a header without an end", first = "GET / HTTP/1.1\r\nX: ", next = ("x"):rep(1000), again = 1 },
  { "a URL without an end", first = "GET /", next = ("x"):rep(1000), again = 1 },
  { "a body of 4 GB", first = post("Content-Length: 4294967296"), next = ("x"):rep(1000), again = 1 },
  { "chunks without an end", first = post("Transfer-Encoding: chunked"),
    next = "3e8\r\n" .. ("x"):rep(1000) .. "\r\n", again = 1 },
  { "tiny chunks without an end", first = post("Transfer-Encoding: chunked"), next = ("1\r\nx\r\n"):rep(100),
    again = 1 },
  { "Expect, and no body", first = post("Expect: 100-continue", "Content-Length: 1000") },
  { "garbage", first = ("\1\200\255\0zap\r"):rep(2000), again = 1, wanted = 400, most = 100 },
  { "zero bytes", first = ("\0"):rep(20000), again = 1, wanted = 400, most = 100 },
  { "TLS", first = "\22\3\1\2\0\1\0\1\252\3\3" .. ("r"):rep(500), again = 1, wanted = 400, most = 100 },
  { "HTTP/2", first = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", again = 1, wanted = 400, most = 100 },
  { "length and chunks", first = post("Content-Length: 4", "Transfer-Encoding: chunked") .. "0\r\n\r\n" .. get "/",
    again = 1, wanted = 400, most = 100 },
  { "two lengths", first = post("Content-Length: 4", "Content-Length: 40") .. "abcd", again = 1, wanted = 400, most = 100 },
  { "a wrong chunk size", first = post("Transfer-Encoding: chunked") .. "fffffffffffffffff\r\n", again = 1,
    wanted = 400, most = 100 },
  { "a negative chunk size", first = post("Transfer-Encoding: chunked") .. "-1\r\n", again = 1, wanted = 400, most = 100 },
  { "a zero byte in a header", first = get("/", "X: a\0b"), again = 1, wanted = 400, most = 100 },
  { "another host's page", first = get("/goto?step=2", CLOSE, "Sec-Fetch-Site: cross-site"), again = 1, wanted = 403, most = 100 },
  { "another host", first = "GET /goto?step=2 HTTP/1.1\r\nHost: evil.example\r\n" .. CLOSE .. "\r\n\r\n",
    again = 1, wanted = 403, most = 100 },
  { "OPTIONS", first = "OPTIONS * HTTP/1.1\r\nHost: localhost\r\n" .. CLOSE .. "\r\n\r\n", again = 1 },
  { "TRACE", first = "TRACE /status HTTP/1.1\r\nHost: localhost\r\n" .. CLOSE .. "\r\n\r\n", again = 1 },
  { "CONNECT", first = "CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n" .. CLOSE .. "\r\n\r\n", again = 1 },
  { "HEAD", first = "HEAD /metrics HTTP/1.1\r\nHost: localhost\r\n" .. CLOSE .. "\r\n\r\n", again = 1, most = 50 },
  { "CPU profiles", first = get(PPROF .. "profile?seconds=1", CLOSE), again = 1, most = 40 },
  { "profiles that nobody waits for", first = get(PPROF .. "profile?seconds=600"), ["end"] = "reset", again = 1,
    most = 100, pace = 2 },
  { "heap profiles", first = get(PPROF .. "heap?gc=1", CLOSE), again = 1, most = 8 },
  { "wall profiles", first = get("/debug/fgprof?seconds=1", CLOSE), again = 1, most = 20 },
  { "every profile at once", first = get(PPROF .. "goroutine?debug=2") .. get(PPROF .. "allocs") ..
    get(PPROF .. "mutex?seconds=1") .. get(PPROF .. "goroutineleak") .. get("/metrics", CLOSE), again = 1, most = 20 },
  { "traces", first = get(PPROF .. "trace?seconds=0.2", CLOSE), again = 1, most = 4 },
  { "a trace that nobody reads", first = get(PPROF .. "trace?seconds=600"), read = "none", most = 2 },
  { "traces that nobody waits for", first = get(PPROF .. "trace?seconds=60&format=json"), ["end"] = "reset",
    again = 1, most = 20, pace = 1 },
  { "switches from ten clients", first = get("/goto?step=960") .. get("/goto?step=6") .. get("/goto?step=0", CLOSE),
    again = 1, most = 10, storm = true },
  { "switches that nobody waits for", first = get("/goto?step=6"), ["end"] = "reset", again = 1, most = 10, pace = 1,
    storm = true },
  { "lists and hints", first = get("/steps") .. get("/hint?n=1") .. get("/steps?format=json", CLOSE), again = 1,
    most = 10 },
  { "signals", first = get "/", most = 10, also = function(lab)
    for _, name in ipairs { "USR1", "USR2", "WINCH", "STOP", "CONT", "PIPE" } do lab:signal(name) end
  end },
  { "scenarios that nobody can read", first = get("/steps", CLOSE), again = 1, most = 4, also = function(lab)
    for number = 700, 719 do -- again and again they are new
      local code = ({ "while true do end", "local t = {} for i = 1, 1e9 do t[i] = {} end", "error(nil)" })[number % 3 + 1]
      t.write(("%s/%d-bad/scenario.lua"):format(lab.scenarios, number), code .. ("\n"):rep(math.random(1000)))
    end
  end },
}

-- Steps: the code of a scenario, whose `/` is asked for by four clients, or by
-- `crowd`. Meanwhile it is entered and left again and again; one that is `slow` is
-- entered once.
local function in_request(code) return "return { request = function() " .. code .. " end }" end
local function in_enter(code) return "return { enter = function() " .. code .. " end, request = function() end }" end

local FEW_BYTES = "ulimit -f 8192"
local SMALL_DISK = [[unshare -m true 2>/dev/null &&
exec unshare -m sh -c 'mount -t tmpfs -o size=1m none DIR/tmp; TMPDIR=DIR/tmp exec "$@"' sh PROGRAM "$@"]]
-- The log's reader reads until the lab serves, and then no more.
local FULL_PIPE = [[mkfifo DIR/log
sh -c 'while read -r line; do echo "$line"; case $line in *started\ on*) exec sleep 600; esac; done' <DIR/log >&2 &
exec 2>DIR/log]]

local STEPS = {
  { "nothing", in_request "" },
  { "a loop in request", in_request "while true do end" },
  { "a stubborn loop in request", in_request "while true do pcall(function() while true do end end) end" },
  { "a loop in enter", in_enter "while true do end", slow = true },
  { "a loop in leave", "return { request = function() end, leave = function() while true do end end }" },
  { "a loop in a timer", in_enter "lab.every(0.001, function() while true do end end)" },
  { "a loop in a finalizer", in_request
    "for _ = 1, 1000 do setmetatable({}, { __gc = function() while true do end end }) end" },
  { "finalizers that make finalizers", in_request
    "local function again() return setmetatable({}, { __gc = again }) end while true do again() end" },
  { "a loop in metamethods", in_request
    "local m = {} m.__index = function(t, k) return t[k + 1] end return setmetatable({}, m)[1]" },
  { "an endless pattern", in_request "return ('a'):rep(1000):find(('a-'):rep(20) .. 'b')" },
  { "an endless sort", in_request
    "local l = {} for i = 1, 1e5 do l[i] = i % 7 end while true do table.sort(l, function(a, b) return a > b end) end" },
  { "an endless rep", in_request "return #(''):rep(1 << 62)" },
  { "an endless move", in_request "table.move({}, 1, 1 << 62, 2)" },
  { "spinning in C", in_request "lab.spin(600)" },
  { "burning on workers", in_request "lab.burn(600)" },
  { "a memory bomb of strings", in_request "local l = {} for i = 1, 1e9 do l[i] = ('x'):rep(1000000) .. i end",
    limits = "limits = { memory = '200MiB' }," },
  { "a memory bomb of tables", in_request "local l = {} while true do l = { l, {}, {} } end",
    limits = "limits = { memory = '200MiB' }," },
  { "a memory bomb of tasks", in_request "while true do lab.go(function() lab.sleep(600) end) end",
    limits = "limits = { memory = '200MiB' }," },
  { "a memory bomb of buffers", in_request "local l = {} while true do l[#l + 1] = lab.buffer(1 << 20) end",
    limits = "limits = { memory = '200MiB' }," },
  { "recursion without an end", in_request "local function f() return 1 + f() end return f()" },
  { "big answers", in_request "return ('x'):rep(16 << 20)", limits = "limits = { memory = '200MiB' },",
    crowd = { first = get "/", read = "none", most = 30 } },
  { "100,000 tasks, dumped", in_enter "for _ = 1, 1e5 do lab.go(function() lab.sleep(600) end) end",
    crowd = { first = get(PPROF .. "goroutine?debug=2", CLOSE), again = 1, most = 2 }, slow = true },
  { "1,000,000 tasks", in_enter "for _ = 1, 1e6 do lab.go(function() lab.sleep(600) end) end",
    crowd = { first = get(PPROF .. "goroutine", CLOSE), again = 1, most = 1 }, slow = true },
  { "200 tasks that compute", in_enter "for _ = 1, 200 do lab.go(function() while true do end end) end" },
  { "500 children", in_request "for _ = 1, 500 do lab.spawn({ 'sleep', '600' }) end",
    crowd = { first = get("/", CLOSE), most = 1 } },
  { "children without an end", in_request "while true do lab.spawn({ 'true' }):wait() end" },
  { "all descriptors", in_request "local l = {} while true do l[#l + 1] = lab.temp_file() or lab.sleep(0.01) end" },
  { "lines of log without an end", in_request "while true do lab.log(('x'):rep(1000)) end" },
  { "errors without an end", in_enter "for _ = 1, 50 do lab.go(function() while true do lab.go(error, 'no') lab.sleep(0) end end) end" },
  { "requests to itself", in_request [[
    for _ = 1, 100 do lab.go(function() while true do lab.http.get(server) end end) end lab.sleep(600)]],
    before = "local server local function serve() server = 'http://' .. lab.listen(':0', function() return 'x' end):address() end ",
    enter = "serve()" },
  { "metrics and labels", in_request [[
    for i = 1, 1000 do pcall(lab.counter, 'c' .. i) lab.label('k', 'v' .. i % 300, lab.sleep, 0) end]] },
  { "locks that nobody gives back", in_request "lock:lock() lock:lock()", before = "local lock = lab.mutex() " },
  { "files that fill the disk", in_request
    "local f = lab.temp_file() while f do if not f:write(('x'):rep(1 << 20)) then lab.sleep(0.01) end end",
    under = FEW_BYTES },
  { "files on a full disk", in_request
    "local f = lab.temp_file() while f do if not f:write(('x'):rep(1 << 16)) then lab.sleep(0.01) end end",
    under = SMALL_DISK },
  { "log lines that nobody reads", in_request "while true do lab.log(('x'):rep(1000)) end", under = FULL_PIPE },
}
local FIRST = 900

-- ---- the attackers and the honest clients -----------------------------------------

local tools

local function build_tools()
  tools = t.temp_dir()
  for _, tool in ipairs { "attack_clients", "attack_probe" } do
    local made = t.run(("cc -O1 -pthread -o %s/%s %s/tests/integration/%s.c"):format(tools, tool, t.source, tool))
    t.equal(made.code, 0, made.err)
  end
end

local function write_scenario(dir, number, slug, text)
  local folder = ("%s/%d-%s"):format(dir, number, slug)
  t.run("mkdir -p " .. folder)
  t.write(folder .. "/scenario.lua", text)
end

-- The lab, as a shell script starts it: PRELUDE may set limits.
local function start_under(prelude, dirs, ...)
  local dir, program = t.temp_dir(), t.diaglab
  t.run("mkdir " .. dir .. "/tmp")
  t.write(dir .. "/start", "#!/bin/sh\n" .. (prelude .. '\nTMPDIR=DIR/tmp exec PROGRAM "$@"\n')
    :gsub("%f[%u]DIR%f[%U]", dir):gsub("PROGRAM", t.quote(program)))
  t.run("chmod +x " .. dir .. "/start")
  t.diaglab = dir .. "/start"
  local ok, lab = pcall(t.start_with, dirs, ...)
  t.diaglab = program
  t.check(ok, lab)
  lab.temp = dir .. "/tmp"
  lab.mute = prelude:find("mkfifo", 1, true)
  return lab
end

local function start_crowd(lab, attack)
  local dir = t.temp_dir()
  local words = { tools .. "/attack_clients", "port=" .. lab.port,
    "clients=" .. math.min(CLIENTS, attack.most or CLIENTS) }
  t.write(dir .. "/first", attack.first)
  words[#words + 1] = "first=" .. dir .. "/first"
  if attack.next then
    t.write(dir .. "/next", attack.next)
    words[#words + 1] = "then=" .. dir .. "/next"
  end
  for _, name in ipairs { "read", "end", "again", "every", "pace" } do
    if attack[name] then words[#words + 1] = name .. "=" .. attack[name] end
  end
  return t.spawn(t.command(words))
end

-- SWITCHES: the paths between which /goto changes; without them it isn't asked.
local function start_probe(lab, switches)
  local words = { tools .. "/attack_probe", lab.port, "status", "/status", "--", "app", "/" }
  if switches then table.move({ "--", "goto", switches[1], switches[2] }, 1, 4, #words + 1, words) end
  return t.spawn(t.command(words))
end

-- { status = { n =, p50 =, ..., lost =, [200] = }, ["goto"] =, app =, peer =, sleep = }
local function read_probe(program)
  program:signal("TERM")
  t.check(program:wait(30), "the honest clients end")
  local list = {}
  for line in program:out():gmatch("[^\n]+") do
    local one = { text = line }
    for name, value in line:gmatch("(%w+)=([%d.]+)") do one[math.tointeger(tonumber(name)) or name] = tonumber(value) end
    list[line:match("^%S+")] = one
  end
  return t.check(list.sleep and list, "what the honest clients saw: " .. program:out())
end

-- ---- what the lab has ---------------------------------------------------------------

-- Descriptors by kind. Files with symbols stay open: the program, libraries.
local function count_fds(lab)
  local kinds, all = {}, 0
  for target in t.run(("ls -l /proc/%d/fd"):format(lab.pid)).out:gmatch("%-> ([^\n]+)") do
    local kind = target:match("^(%a+):") or (target:find("^/dev") and target) or "file"
    if not target:find("%.so[%d.]*$") and not target:find("%.debug$") and not target:find("/diaglab") then
      kinds[kind] = (kinds[kind] or 0) + 1
      all = all + 1
    end
  end
  return all, kinds
end

local function count_words(command) return tonumber(t.run(command .. " | wc -w").out) end

local function take_census(lab)
  local tasks = lab:get("/status").body:match('"tasks": {"total": (%d+)')
  local fds, kinds = count_fds(lab)
  return { fds = fds, kinds = kinds, tasks = tonumber(tasks), rss = lab:rss() / 1e6,
    threads = count_words(("ls /proc/%d/task"):format(lab.pid)),
    children = count_words(("ps -o pid= --ppid %d"):format(lab.pid)),
    temps = count_words(("find /proc/%d/root%s -mindepth 2 -type f"):format(lab.pid, lab.temp)) }
end

local COUNTED = { "fds", "tasks", "threads", "children", "temps" }

local function describe_rest(now, before)
  local list = {}
  for _, name in ipairs(COUNTED) do
    if now[name] ~= before[name] then list[#list + 1] = ("%+d %s"):format((now[name] or -1) - before[name], name) end
  end
  return table.concat(list, ", ")
end

-- Back in step 0, everything is given back. -> the census
local function check_given_back(lab, before)
  local now
  t.eventually(function() return lab:leave("--max-time", "30").status == 200 end, 30)
  local ok = pcall(t.eventually, function()
    now = take_census(lab)
    return describe_rest(now, before) == ""
  end, 15)
  if not ok then
    for kind, n in pairs(now.kinds) do print("     ", kind, n, before.kinds[kind]) end
  end
  t.check(ok, "left behind: " .. describe_rest(now, before))
  return now
end

-- Everything has been used once, so what is made at the first use is there.
local function warm_up(lab)
  for _, path in ipairs { "/goto?step=6", "/", "/goto?step=4", "/", "/goto?step=0", "/steps", "/hint", "/metrics",
    PPROF .. "profile?seconds=1", PPROF .. "trace?seconds=0.1", "/debug/fgprof?seconds=1", PPROF .. "heap?gc=1",
    PPROF .. "goroutineleak", "/debug/vars", "/status" } do
    lab:get(path)
  end
  if not lab.mute then
    lab:signal("USR1")
    lab:wait_log("No tasks")
  end
  t.spawn("sh -c " .. t.quote("for i in 1 2 3 4 5 6 7 8; do curl -s '" .. lab.url .. "/status' & done; wait")):wait(10)
end

-- ---- one attack ---------------------------------------------------------------------

local rows = {}

local function print_row(name, probe, got, now, before)
  local status, switch, app = probe.status, probe["goto"], probe.app or { lost = 0, p100 = 0 }
  if app.lost > 0 then got = got .. ", / lost " .. app.lost end
  rows[#rows + 1] = ("%-32s %6.1f %6.1f %6.1f  %6.1f %6.1f  %7.1f  %6.1f %6.1f  %+5.1f  %s"):format(name, status.p50,
    status.p99, status.p100, switch.p50, switch.p100, app.p100, probe.peer.p100, probe.sleep.p100, now.rss - before.rss,
    got)
  if LONG then print("     " .. rows[#rows]) end
end

-- The last request may be on its way.
local function count_refused(one) return one.n - (one[200] or 0) - 1 end

local function check_honest(lab, probe, attack)
  local status, switch = probe.status, probe["goto"]
  local machine = HOPS * math.max(probe.peer.p100, probe.sleep.p100)
  t.check(lab:alive(), "it lives")
  t.equal(status.lost, 0, status.text)
  t.check(count_refused(status) <= 0, "not answered with 200: " .. status.text)
  t.between(status.p100, 0, LIMIT_MS + machine, status.text .. "\n" .. probe.peer.text)
  t.equal(switch.lost, 0, switch.text)
  t.between(switch.p100, 0, (attack.is_step and LEAVING_MS or LIMIT_MS) + machine,
    switch.text .. "\n" .. probe.peer.text)
  t.check(attack.storm or count_refused(switch) <= 0, "not answered with 200: " .. switch.text)
end

-- A step that takes long to enter: it is entered once, and left once.
local function enter_slowly(lab, path)
  local switch = t.spawn(t.command { "curl", "-s", "--max-time", SECONDS * 40, lab.url .. path })
  switch:wait(SECONDS * 40)
end

local function leave_once(lab)
  local answer = lab:leave("--max-time", "30")
  local ms = answer.seconds * 1000
  return { n = 1, p50 = ms, p99 = ms, p100 = ms, lost = answer.status and 0 or 1, [answer.status or 0] = 1,
    text = "goto: " .. (answer.failure or answer.body) }
end

-- Runs ATTACK against LAB. Meanwhile honest clients switch between two paths.
local function run_attack(lab, attack, switches, before)
  local probe = start_probe(lab, not attack.slow and switches)
  if attack.slow then enter_slowly(lab, switches[1]:match("^[^@]+")) end
  t.sleep(0.1)
  local crowd = start_crowd(lab, attack.crowd or attack)
  local stop = t.now() + SECONDS
  repeat
    t.sleep(0.05)
    if attack.also then attack.also(lab) end
  until t.now() >= stop
  local left = attack.slow and leave_once(lab)
  local seen = read_probe(probe)
  seen["goto"] = left or seen["goto"]
  crowd:signal("TERM")
  t.check(crowd:wait(30), "the attackers end")
  local got = crowd:out():match("[^\n]*\n$"):gsub("\n", "")
  if attack.wanted then t.has(got, " " .. attack.wanted .. "=", attack[1]) end
  check_honest(lab, seen, attack)
  print_row(attack[1], seen, got, check_given_back(lab, before), before)
end

-- The attacks of LIST that are chosen, on the lab that START makes. One that fails
-- doesn't keep the others from being tried, on a new lab.
local function run_attacks(list, start, find_switches)
  local lab, before
  local faults = {}
  build_tools()
  for i, attack in ipairs(list) do
    if attack[1]:find(CHOSEN, 1, true) then
      if not lab then
        lab = start()
        warm_up(lab)
        before = take_census(lab)
      end
      local ok, message = pcall(run_attack, lab, attack, find_switches(i), before)
      if not ok then
        faults[#faults + 1] = attack[1] .. ": " .. message
        print("     FAULT " .. faults[#faults])
        lab:signal("KILL")
        lab = nil
      end
    end
  end
  t.equal(table.concat(faults, "\n"), "", "faults")
  if not lab then return end
  t.check(not lab:log():find("Sanitizer", 1, true), "no sanitizer report")
  t.equal(lab:stop(), 0)
end

local function run_crowds(prelude)
  local dir = t.temp_dir()
  write_scenario(dir, 960, "other", in_request "return 'other'")
  for number = 700, 719 do write_scenario(dir, number, "bad", "error(nil)") end
  rows[#rows + 1] = prelude
  run_attacks(CROWDS, function()
    local lab = start_under(prelude, { dir, t.source .. "/scenarios" }, "--usr2-seconds", "1")
    lab.scenarios = dir
    return lab
  end,
    function() return { "/goto?step=960", "/goto?step=0" } end)
end

-- ---- steps ----------------------------------------------------------------------------

local function complete(attack)
  local text = attack[2]
  if attack.limits then text = text:gsub("^return {", "return { " .. attack.limits) end
  if attack.enter then text = text:gsub("^return {", "return { enter = function() " .. attack.enter .. " end,") end
  return (attack.before or "") .. text
end

local function run_steps(prelude)
  local dir, chosen = t.temp_dir(), {}
  for i, attack in ipairs(STEPS) do
    write_scenario(dir, FIRST + i, "attack", complete(attack))
    attack.number, attack.is_step = FIRST + i, true
    attack.crowd = attack.crowd or { first = get("/", CLOSE), again = 1, most = 4 }
    if (attack.under or "") == prelude then chosen[#chosen + 1] = attack end
  end
  rows[#rows + 1] = "steps; " .. prelude:match("[^\n]*")
  run_attacks(chosen, function() return start_under(prelude, { dir, t.source .. "/scenarios" }) end,
    function(i) return { ("/goto?step=%d@200"):format(chosen[i].number), "/goto?step=0@20" } end)
end

-- ---- the tests --------------------------------------------------------------------------

t.test("crowds of clients, and few descriptors", function() run_crowds "ulimit -n 256" end)

t.test("steps that do their worst", function()
  for _, prelude in ipairs { "", FEW_BYTES, SMALL_DISK, FULL_PIPE } do run_steps(prelude) end
end)

t.long("20,000 clients", function()
  for _, limit in ipairs { "-Sn 64", "-Sn 1024", "-n 1024", "-n 64" } do run_crowds("ulimit " .. limit) end
end)

t.long("steps that do their worst, for longer", function()
  for _, prelude in ipairs { "", FEW_BYTES, SMALL_DISK, FULL_PIPE } do run_steps(prelude) end
end)

print(("     %-32s %6s %6s %6s  %6s %6s  %7s  %6s %6s  %5s"):format("(ms)", "status", "p99", "p100", "goto",
  "p100", "/ p100", "peer", "sleep", "RSS"))
for _, row in ipairs(rows) do print("     " .. row) end
t.finish()
