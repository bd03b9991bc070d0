-- SPDX-License-Identifier: MIT
-- Attacks on the lab: tables of bad clients and of bad steps, the programs that
-- make the clients, and what the lab has open before and after.
--
--   attacks.crowds              crowds of clients: see the table
--   attacks.steps               steps that do their worst; get numbers from
--                               attacks.first on
--   attacks.write_steps(dir)    scenarios of all of them
--   attacks.write_scenario(dir, number, slug, text)
--   attacks.build_tools()       in each test, first
--   attacks.start_under(prelude, dirs, flag...) -> lab, started by a shell that
--                               runs PRELUDE before; DIR in it is a folder
--   attacks.start_crowd(lab, attack, clients) -> program
--   attacks.start_probe(lab, switches, path) -> program: honest clients
--   attacks.read_probe(program) ends it -> what they saw
--   attacks.warm_up(lab)        uses everything once
--   attacks.take_census(lab)    -> { fds =, kinds =, tasks =, threads =,
--                               children =, temps =, rss = (MB) }
--   attacks.settle(lab)         -> the same, when it doesn't change any more
--   attacks.describe_rest(now, before) -> what NOW has more, "" if nothing
local t = require "harness"

local attacks = {}
local tools -- the folder of the programs

-- ---- what is sent ---------------------------------------------------------------

local function get(path, ...)
  local lines = { "GET " .. path .. " HTTP/1.1", "Host: localhost", ... }
  return table.concat(lines, "\r\n") .. "\r\n\r\n"
end

local function post(...)
  return table.concat({ "POST / HTTP/1.1", "Host: localhost", ... }, "\r\n") .. "\r\n\r\n"
end

local CLOSE = "Connection: close"
attacks.bad = { "while true do end", "local t = {} for i = 1, 1e9 do t[i] = {} end", "error(nil)" }
local PPROF = "/debug/pprof/"

-- Clients: `first` is sent once, `next` again and again (every so many
-- milliseconds one byte of it); other fields are options of attack_clients.
-- `most`: no more clients than that. `wanted`: the status of all answers. `storm`:
-- they switch, too. `also`: what else is done. `long`: only t.long does it.
attacks.crowds = {
  { "say nothing", long = true, first = "" },
  { "half of the headers", first = "GET / HTTP/1.1\r\nHost: localhost\r\nX: " },
  { "half of a body", first = post("Content-Length: 60000") .. "abc" },
  { "one request, then idle", first = get "/" },
  { "a byte per second", first = "", next = get("/", "X: " .. ("x"):rep(1000)), every = 1000 },
  { "take no answer", first = get("/metrics"):rep(100), read = "none", most = 300 },
  { "take an answer slowly", long = true, first = get("/debug/vars"):rep(10), read = "slow", every = 50, most = 300 },
  { "want the metrics", first = "", next = get("/metrics"):rep(20), most = 1000, long = true },
  { "take no profile", first = get(PPROF .. "goroutine?debug=2"):rep(50), read = "none", most = 100 },
  { "connect and reset", first = "", ["end"] = "reset", again = 1 },
  { "ask and reset", long = true, first = get "/", ["end"] = "reset", again = 1 },
  { "pipeline without an end", first = get "/", next = get("/"):rep(20), most = 20 },
  { "pipeline, take nothing", first = get "/", next = get("/status"):rep(20), read = "none", most = 20 },
  { "headers without an end", first = "GET / HTTP/1.1\r\nHost: localhost\r\n", next = ("X: y\r\n"):rep(100),
    again = 1 },
  { "a header without an end", long = true, first = "GET / HTTP/1.1\r\nX: ", next = ("x"):rep(1000), again = 1 },
  { "a URL without an end", long = true, first = "GET /", next = ("x"):rep(1000), again = 1 },
  { "a body of 4 GB", first = post("Content-Length: 4294967296"), next = ("x"):rep(1000), again = 1 },
  { "chunks without an end", first = post("Transfer-Encoding: chunked"),
    next = "3e8\r\n" .. ("x"):rep(1000) .. "\r\n", again = 1 },
  { "tiny chunks without an end", long = true, first = post("Transfer-Encoding: chunked"),
    next = ("1\r\nx\r\n"):rep(100),
    again = 1 },
  { "Expect, and no body", first = post("Expect: 100-continue", "Content-Length: 1000") },
  { "garbage", first = ("\1\200\255\0zap\r"):rep(2000), again = 1, wanted = 400, most = 100 },
  { "zero bytes", long = true, first = ("\0"):rep(20000), again = 1, wanted = 400, most = 100 },
  { "TLS", long = true, first = "\22\3\1\2\0\1\0\1\252\3\3" .. ("r"):rep(500), again = 1, wanted = 400, most = 100 },
  { "HTTP/2", first = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", again = 1, wanted = 400, most = 100 },
  { "length and chunks", first = post("Content-Length: 4", "Transfer-Encoding: chunked") .. "0\r\n\r\n" .. get "/",
    again = 1, wanted = 400, most = 100 },
  { "two lengths", long = true, first = post("Content-Length: 4", "Content-Length: 40") .. "abcd", again = 1,
    wanted = 400,
    most = 100 },
  { "a wrong chunk size", first = post("Transfer-Encoding: chunked") .. "fffffffffffffffff\r\n", again = 1,
    wanted = 400, most = 100 },
  { "a negative chunk size", long = true, first = post("Transfer-Encoding: chunked") .. "-1\r\n", again = 1,
    wanted = 400,
    most = 100 },
  { "a zero byte in a header", long = true, first = get("/", "X: a\0b"), again = 1, wanted = 400, most = 100 },
  { "another host's page", first = get("/goto?step=2", CLOSE, "Sec-Fetch-Site: cross-site"), again = 1,
    wanted = 403, most = 100 },
  { "another host", long = true, first = "GET /goto?step=2 HTTP/1.1\r\nHost: evil.example\r\n" .. CLOSE .. "\r\n\r\n",
    again = 1, wanted = 403, most = 100 },
  -- Each answer is quick, and brings the next client. A crowd larger than the
  -- queue of the listening socket (4,096) would only measure how the kernel
  -- refuses it: an honest client's connection has to be begun again then.
  { "ask and close half", first = get("/", CLOSE), ["end"] = "half", again = 1, most = 1000 },
  { "OPTIONS", long = true, first = "OPTIONS * HTTP/1.1\r\nHost: localhost\r\n" .. CLOSE .. "\r\n\r\n", again = 1,
    most = 1000 },
  { "TRACE", long = true, first = "TRACE /status HTTP/1.1\r\nHost: localhost\r\n" .. CLOSE .. "\r\n\r\n", again = 1,
    most = 1000 },
  { "CONNECT", first = "CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n" .. CLOSE .. "\r\n\r\n", again = 1,
    most = 1000 },
  { "HEAD", first = "HEAD /metrics HTTP/1.1\r\nHost: localhost\r\n" .. CLOSE .. "\r\n\r\n", again = 1, most = 50 },
  { "CPU profiles", first = get(PPROF .. "profile?seconds=1", CLOSE), again = 1, most = 40 },
  { "profiles that nobody waits for", first = get(PPROF .. "profile?seconds=600"), ["end"] = "reset", again = 1,
    most = 100, pace = 2 },
  { "heap profiles", first = get(PPROF .. "heap?gc=1", CLOSE), again = 1, most = 8 },
  { "wall profiles", long = true, first = get("/debug/fgprof?seconds=1", CLOSE), again = 1, most = 20 },
  { "every profile at once", first = get(PPROF .. "goroutine?debug=2") .. get(PPROF .. "allocs") ..
    get(PPROF .. "mutex?seconds=1") .. get(PPROF .. "goroutineleak") .. get("/metrics", CLOSE), again = 1, most = 20 },
  { "traces", first = get(PPROF .. "trace?seconds=0.2", CLOSE), again = 1, most = 4 },
  { "a trace that nobody reads", first = get(PPROF .. "trace?seconds=600"), read = "none", most = 2 },
  { "traces that nobody waits for", long = true, first = get(PPROF .. "trace?seconds=60&format=json"),
    ["end"] = "reset",
    again = 1, most = 20, pace = 1 },
  { "switches from ten clients", first = get("/goto?step=960") .. get("/goto?step=6") .. get("/goto?step=0", CLOSE),
    again = 1, most = 10, storm = true },
  { "switches that nobody waits for", long = true, first = get("/goto?step=6"), ["end"] = "reset", again = 1,
    most = 10, pace = 1,
    storm = true },
  { "lists and hints", first = get("/steps") .. get("/hint?n=1") .. get("/steps?format=json", CLOSE), again = 1,
    most = 10 },
  { "signals", first = get "/", most = 10, also = function(lab)
    for _, name in ipairs { "USR1", "USR2", "WINCH", "STOP", "CONT", "PIPE" } do lab:signal(name) end
  end },
  { "scenarios that nobody can read", first = get("/steps", CLOSE), again = 1, most = 4, also = function(lab)
    for number = 700, 719 do -- again and again they are new
      local code = attacks.bad[number % #attacks.bad + 1]
      t.write(("%s/%d-bad/scenario.lua"):format(lab.scenarios, number), code .. ("\n"):rep(math.random(1000)))
    end
  end },
}

-- Steps: the code of a scenario, whose `/` is asked for by four clients, or by
-- `crowd`. Meanwhile it is entered and left again and again; one that is `slow` is
-- entered once.
local function in_request(code) return "return { request = function(_, req) " .. code .. " end }" end
local function in_enter(code) return "return { enter = function() " .. code .. " end, request = function() end }" end

attacks.few_bytes = "ulimit -f 8192"
attacks.small_disk = [[unshare -m true 2>/dev/null &&
exec unshare -m sh -c 'mount -t tmpfs -o size=1m none DIR/tmp; TMPDIR=DIR/tmp exec "$@"' sh PROGRAM "$@"]]
-- The log's reader reads until the lab serves, and then no more.
attacks.full_pipe = [[mkfifo DIR/log
sh -c 'while read -r line; do echo "$line"; case $line in *started\ on*) exec sleep 600; esac; done' <DIR/log >&2 &
exec 2>DIR/log]]

attacks.steps = {
  { "nothing", in_request "" },
  { "a loop in request", in_request "while true do end" },
  { "a stubborn loop in request", long = true, in_request "while true do pcall(function() while true do end end) end" },
  { "a loop in enter", in_enter "while true do end", slow = true },
  { "a loop in leave", "return { request = function() end, leave = function() while true do end end }" },
  { "a loop in a timer", long = true, in_enter "lab.every(0.001, function() while true do end end)" },
  { "a loop in a finalizer", in_request
    "for _ = 1, 1000 do setmetatable({}, { __gc = function() while true do end end }) end" },
  { "finalizers that make finalizers", in_request
    "local function again() return setmetatable({}, { __gc = again }) end while true do again() end" },
  { "a loop in metamethods", in_request
    "local m = {} m.__index = function(t, k) return t[k + 1] end return setmetatable({}, m)[1]" },
  { "an endless pattern", in_request "return ('a'):rep(1000):find(('a-'):rep(20) .. 'b')" },
  { "an endless sort", long = true, in_request [[
    local l = {}
    for i = 1, 1e5 do l[i] = i % 7 end
    while true do table.sort(l, function(a, b) return a > b end) end]] },
  { "an endless rep", in_request "return #(''):rep(1 << 62)" },
  { "an endless move", in_request "table.move({}, 1, 1 << 62, 2)" },
  { "spinning in C", in_request "lab.spin(600)" },
  { "burning on workers", long = true, in_request "lab.burn(600)" },
  { "a memory bomb of strings", in_request "local l = {} for i = 1, 1e9 do l[i] = ('x'):rep(1000000) .. i end",
    limits = "limits = { memory = '200MiB' }," },
  { "a memory bomb of tables", long = true, in_request "local l = {} while true do l = { l, {}, {} } end",
    limits = "limits = { memory = '200MiB' }," },
  { "a memory bomb of tasks", in_request "while true do lab.go(function() lab.sleep(600) end) end",
    limits = "limits = { memory = '200MiB' }," },
  { "a memory bomb of buffers", long = true,
    in_request "local l = {} while true do l[#l + 1] = lab.buffer(1 << 20) end",
    limits = "limits = { memory = '200MiB' }," },
  { "recursion without an end", long = true, in_request "local function f() return 1 + f() end return f()" },
  { "big answers", in_request "return ('x'):rep(16 << 20)", limits = "limits = { memory = '200MiB' },",
    crowd = { first = get "/", read = "none", most = 30 } },
  { "100,000 tasks, dumped", in_enter "for _ = 1, 1e5 do lab.go(function() lab.sleep(600) end) end",
    crowd = { first = get(PPROF .. "goroutine?debug=2", CLOSE), again = 1, most = 2 }, slow = true },
  { "1,000,000 tasks", long = true, in_enter "for _ = 1, 1e6 do lab.go(function() lab.sleep(600) end) end",
    crowd = { first = get(PPROF .. "goroutine", CLOSE), again = 1, most = 1 }, slow = true },
  { "200 tasks that compute", in_enter "for _ = 1, 200 do lab.go(function() while true do end end) end" },
  { "500 children", in_request "for _ = 1, 500 do lab.spawn({ 'sleep', '600' }) end",
    crowd = { first = get("/", CLOSE), most = 1 } },
  { "children without an end", long = true, in_request "while true do lab.spawn({ 'true' }):wait() end" },
  { "all descriptors", in_request "local l = {} while true do l[#l + 1] = lab.temp_file() or lab.sleep(0.01) end" },
  { "lines of log without an end", in_request "while true do lab.log(('x'):rep(1000)) end" },
  { "errors without an end", long = true, in_enter
    "for _ = 1, 50 do lab.go(function() while true do lab.go(error, 'no') lab.sleep(0) end end) end" },
  { "requests to itself", in_request [[
    for _ = 1, 100 do lab.go(function() while true do lab.http.get(server) end end) end lab.sleep(600)]],
    before = "local server ",
    enter = "server = 'http://' .. lab.listen(':0', function() return 'x' end):address()" },
  { "requests to the lab itself", in_request [[
    local url = "http://" .. req.headers.host .. "/"
    for _ = 1, 50 do lab.go(function() while true do pcall(lab.http.get, url) end end) end lab.sleep(600)]] },
  { "tasks that double", in_request "grow()", before = "local function grow() lab.go(grow) lab.go(grow) end ",
    limits = "limits = { memory = '200MiB' }," },
  { "timers that double", long = true, in_request "grow()",
    before = "local function grow() lab.after(0, grow) lab.after(0, grow) end ",
    limits = "limits = { memory = '200MiB' }," },
  { "a collection that is stuck", in_request [[
    local keys, chain = {}, setmetatable({}, { __mode = "k" })
    for i = 1, 100000 do keys[i] = {} end
    for i = #keys, 2, -1 do local j = math.random(i) keys[i], keys[j] = keys[j], keys[i] end
    for i = 2, #keys do rawset(chain, keys[i - 1], keys[i]) end
    kept, keys = { chain, keys[1] }, nil
    lab.gc()]], before = "local kept " },
  { "metrics and labels", long = true, in_request [[
    for i = 1, 1000 do pcall(lab.counter, 'c' .. i) lab.label('k', 'v' .. i % 300, lab.sleep, 0) end]] },
  { "locks that nobody gives back", in_request "lock:lock() lock:lock()", before = "local lock = lab.mutex() " },
  { "files that fill the disk", long = true, in_request
    "local f = lab.temp_file() while f do if not f:write(('x'):rep(1 << 20)) then lab.sleep(0.01) end end",
    under = attacks.few_bytes },
  { "files on a full disk", in_request
    "local f = lab.temp_file() while f do if not f:write(('x'):rep(1 << 16)) then lab.sleep(0.01) end end",
    under = attacks.small_disk },
  { "log lines that nobody reads", in_request "while true do lab.log(('x'):rep(1000)) end", under = attacks.full_pipe },
}
attacks.first = 900 -- the number before the first one

local function complete(attack)
  local text = attack[2]
  if attack.limits then text = text:gsub("^return {", "return { " .. attack.limits) end
  if attack.enter then text = text:gsub("^return {", "return { enter = function() " .. attack.enter .. " end,") end
  return (attack.before or "") .. text
end

for i, attack in ipairs(attacks.steps) do
  attack.number, attack.is_step, attack.under = attacks.first + i, true, attack.under or ""
  attack.crowd = attack.crowd or { first = get("/", CLOSE), again = 1, most = 4 }
end

function attacks.write_steps(dir)
  for _, attack in ipairs(attacks.steps) do
    attacks.write_scenario(dir, attack.number, "attack", complete(attack))
  end
end

-- ---- the attackers and the honest clients -----------------------------------------

function attacks.build_tools()
  tools = t.temp_dir()
  for _, tool in ipairs { "attack_clients", "attack_probe" } do
    local made = t.run(("cc -O1 -pthread -o %s/%s %s/tests/integration/%s.c"):format(tools, tool, t.source, tool))
    t.equal(made.code, 0, made.err)
  end
end

function attacks.write_scenario(dir, number, slug, text)
  local folder = ("%s/%d-%s"):format(dir, number, slug)
  t.run("mkdir -p " .. folder)
  t.write(folder .. "/scenario.lua", text)
end

-- The lab, as a shell script starts it: PRELUDE may set limits.
function attacks.start_under(prelude, dirs, ...)
  local dir = t.temp_dir()
  t.run("mkdir " .. dir .. "/tmp")
  t.write(dir .. "/start", "#!/bin/sh\n" .. (prelude .. '\nTMPDIR=DIR/tmp exec PROGRAM "$@"\n')
    :gsub("%f[%u]DIR%f[%U]", dir):gsub("PROGRAM", t.quote(t.diaglab)))
  t.run("chmod +x " .. dir .. "/start")
  local lab = t.start_as(dir .. "/start", t.start_with, dirs, ...)
  lab.temp = dir .. "/tmp"
  lab.mute = prelude:find("mkfifo", 1, true)
  return lab
end

function attacks.start_crowd(lab, attack, clients)
  local dir = t.temp_dir()
  local words = { tools .. "/attack_clients", "port=" .. lab.port,
    "clients=" .. math.min(clients, attack.most or clients) }
  t.write(dir .. "/first", attack.first)
  words[#words + 1] = "first=" .. dir .. "/first"
  if attack.next then
    t.write(dir .. "/next", attack.next)
    words[#words + 1] = "then=" .. dir .. "/next"
  end
  words[#words + 1] = ("pace=%d"):format(attack.pace or math.min(20, math.max(1, clients // 200)))
  for _, name in ipairs { "read", "end", "again", "every" } do
    if attack[name] then words[#words + 1] = name .. "=" .. attack[name] end
  end
  return t.spawn(t.command(words))
end

-- SWITCHES: the paths between which /goto changes; without them it isn't asked.
-- PATH, if given: what is asked instead of `/`.
function attacks.start_probe(lab, switches, path)
  local words = { tools .. "/attack_probe", lab.port, "status", "/status", "--", "app", path or "/" }
  if switches then table.move({ "--", "goto", switches[1], switches[2] }, 1, 4, #words + 1, words) end
  return t.spawn(t.command(words))
end

-- { status = { n =, p50 =, ..., lost =, [200] = }, ["goto"] =, app =, peer =, sleep = }
function attacks.read_probe(program)
  program:signal("TERM")
  t.check(program:wait(30), "the honest clients end")
  local list = {}
  for line in program:out():gmatch("[^\n]+") do
    local one = { text = line }
    for name, value in line:gmatch("(%w+)=([%d.]+)") do
      one[math.tointeger(tonumber(name)) or name] = tonumber(value)
    end
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
    if not (target:find("%.so[%d.]*$") or target:find("%.debug$") or target:find("/diaglab")) then
      kinds[kind] = (kinds[kind] or 0) + 1
      all = all + 1
    end
  end
  return all, kinds
end

local function count_words(command) return tonumber(t.run(command .. " | wc -w").out) end

function attacks.take_census(lab)
  local tasks = lab:get("/status").body:match('"tasks": {"total": (%d+)')
  local fds, kinds = count_fds(lab)
  return { fds = fds, kinds = kinds, tasks = tonumber(tasks), rss = lab:rss() / 1e6,
    threads = count_words(("ls /proc/%d/task"):format(lab.pid)),
    children = count_words(("ps -o pid= --ppid %d"):format(lab.pid)),
    temps = count_words(("find /proc/%d/root%s -mindepth 2 -type f"):format(lab.pid, lab.temp)) }
end

-- Everything has been used once, so what is made at the first use is there.
function attacks.warm_up(lab)
  for _, path in ipairs { "/goto?step=6", "/", "/goto?step=4", "/", "/goto?step=0", "/steps", "/hint", "/metrics",
    PPROF .. "profile?seconds=1", PPROF .. "trace?seconds=0.1", "/debug/fgprof?seconds=1", PPROF .. "heap?gc=1",
    PPROF .. "goroutineleak", "/debug/vars", "/status" } do
    lab:get(path)
  end
  if not lab.mute then
    lab:signal("USR1")
    lab:wait_log("No tasks")
  end
  t.run(("for i in 1 2 3 4 5 6 7 8; do curl -s %s/status & done; wait"):format(lab.url))
end

-- The LINGER of the last client is over, threads that were wanted have come.
function attacks.settle(lab)
  local last, same = attacks.take_census(lab), 0
  t.eventually(function()
    local now = attacks.take_census(lab)
    same = attacks.describe_rest(now, last) == "" and attacks.describe_rest(last, now) == "" and same + 1 or 0
    last = now
    return same == 5
  end, 60)
  return last
end

local COUNTED = { "fds", "tasks", "threads", "children", "temps" }

function attacks.describe_rest(now, before)
  local list = {}
  for _, name in ipairs(COUNTED) do
    local more = (now[name] or math.huge) - before[name]
    if more > 0 then list[#list + 1] = ("%g more %s"):format(more, name) end
  end
  return table.concat(list, ", ")
end

return attacks
