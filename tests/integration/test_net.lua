-- SPDX-License-Identifier: MIT
-- Requests, servers and child processes of scenarios; and that nothing of them
-- is left, however a step ends.
local t = require "harness"
t.need("curl", "wrk", "ps")
t.with_stuck()

local function start(...)
  local lab = t.start_with({ t.source .. "/tests/integration/scenarios", t.source .. "/scenarios" }, ...)
  lab:get("/") -- libuv opens /dev/null with the first connection
  return lab
end

local function goto_step(lab, step)
  t.has(lab:go_to(step).body, "switched to step")
end

local function lines(cmd)
  local _, n = t.run(cmd).out:gsub("\n", "")
  return n
end

-- "1,2,3"
local function children(lab)
  local pids = {}
  for pid in t.run("ps -o pid= --ppid " .. lab.pid).out:gmatch("%d+") do pids[#pids + 1] = pid end
  return table.concat(pids, ",")
end

-- What belongs to the process now.
local function census(lab)
  return {
    fds = lines(("ls /proc/%d/fd"):format(lab.pid)),
    threads = lines(("ls /proc/%d/task"):format(lab.pid)),
    children = lines(("ps -o pid= --ppid %d"):format(lab.pid)),
    files = lines(("find ${TMPDIR:-/tmp}/diaglab-%d-* -mindepth 1 2>/dev/null"):format(lab.pid)),
  }
end

local function same(lab, before)
  local now = census(lab)
  for key, n in pairs(before) do
    if now[key] > n then return false end
  end
  return true
end

for _, route in ipairs { "get", "errors", "slow", "server", "idle", "spawn", "descriptors" } do
  t.test("net: " .. route, function()
    local lab = start()
    local before = census(lab)
    goto_step(lab, 91)
    for _ = 1, 2 do
      local answer = lab:get("/" .. route)
      t.equal(answer.status, 200, answer.body)
    end
    goto_step(lab, 0)
    t.eventually(function() return same(lab, before) end)
    t.equal(lab:stop(), 0)
  end)
end

t.test("a scenario can call its own lab", function()
  local lab = start()
  goto_step(lab, 91)
  t.equal(lab:get("/own?port=" .. lab.port).body, "GET /echo x ")
  t.equal(lab:stop(), 0)
end)

-- LEAVE_SECONDS may be too short on a busy machine, so several switches may try.
t.test("a server that scenario.lua opens is served while the step before is left", function()
  local port, dir = t.free_port(), t.temp_dir()
  t.run(("mkdir -p %s/92-server %s/93-asks"):format(dir, dir))
  t.write(dir .. "/92-server/scenario.lua", ([[
assert(lab.listen("127.0.0.1:%d", function() return "hello" end))
return { request = function() end }]]):format(port))
  t.write(dir .. "/93-asks/scenario.lua", ([[
return {
  request = function() end,
  leave = function()
    local answer = lab.http.get("http://127.0.0.1:%d/")
    if answer then lab.log("leave was answered: %%d %%s", answer.status, answer.body) end
  end,
}]]):format(port))
  local lab = t.start_with { dir, t.source .. "/scenarios" }
  local answer = t.eventually(function()
    goto_step(lab, 93)
    goto_step(lab, 92)
    return lab:log():match("leave was answered: ([^\n]*)")
  end)
  t.equal(answer, "200 hello")
  t.equal(lab:stop(), 0)
end)

t.test("tasks that wait for the network say so", function()
  local lab = start()
  goto_step(lab, 91)
  lab:get("/leave")
  t.has(lab:get("/debug/pprof/goroutine?debug=2").body, "[IO wait")
  t.match(lab:get("/debug/pprof/lab.OpenFiles?debug=1").body, "lab%.http%.get")
  t.match(lab:get("/debug/pprof/lab.OpenFiles?debug=1").body, "lab%.listen")
  t.equal(lab:stop(), 0)
end)

-- What `lab.OpenFiles` counts, and its text.
local function open_files(lab)
  local text = lab:get("/debug/pprof/lab.OpenFiles?debug=1").body
  return tonumber(t.match(text, "total (%d+)\n")), text
end

-- N clients of ADDRESS that say something, get their answer and stay.
local function clients(address, n)
  local host, port = address:match("^(.*):(%d+)$")
  return t.spawn(([[bash -c '
    for i in $(seq %d); do
      exec {fd}<>/dev/tcp/%s/%s
      printf "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" >&$fd
    done
    exec sleep 1000']]):format(n, host, port))
end

t.test("clients of a scenario's server are its descriptors", function()
  t.need("lsof", "bash")
  local lab = start()
  goto_step(lab, 91)
  local function listed(address)
    return lines(("lsof -a -nP -p %d -i TCP:%s"):format(lab.pid, address:match("%d+$"))) - 1 -- a title
  end
  local function is(address, n)
    t.eventually(function() return open_files(lab) == n and listed(address) == n end)
  end
  local address = lab:get("/open").body
  is(address, 1)
  local crowd = clients(address, 10)
  is(address, 11)
  t.match(select(2, open_files(lab)), "\n11 @ [^\n]*\n# labels[^\n]*\n#[^\n]*lab%.listen", "one stack")
  crowd:signal("TERM")
  is(address, 1)
  clients(address, 5)
  is(address, 6)
  t.equal(lab:get("/close").body, "closed")
  t.eventually(function() return open_files(lab) == 0 end)
  address = lab:get("/open?idle=0").body
  clients(address, 5)
  is(address, 6)
  goto_step(lab, 0)
  t.eventually(function() return open_files(lab) == 0 end)
  t.equal(lab:stop(), 0)
end)

t.test("limits.fds: a client waits until there is a descriptor for it", function()
  local lab = start()
  for _, path in ipairs { "/open", "/open?idle=0" } do
    goto_step(lab, "91&fds=6")
    local address = lab:get(path).body
    local crowd = clients(address, 5)
    t.eventually(function() return open_files(lab) == 6 end)
    -- An idle connection makes room, as in the lab's own server.
    t.equal(t.http("http://" .. address .. "/").body, "GET")
    crowd:signal("TERM")
    t.eventually(function() return open_files(lab) == 1 end)
  end
  goto_step(lab, "91&fds=1")
  local address = lab:get("/open").body
  local client = t.spawn("curl -s http://" .. address .. "/")
  t.sleep(1.2)
  t.check(client:alive(), "it waits")
  t.equal(open_files(lab), 1)
  goto_step(lab, 0)
  client:wait()
  t.equal(lab:stop(), 0)
end)

t.test("a scenario's server is guarded as the lab's own", function()
  local lab = start("--host", "good.example")
  goto_step(lab, 91)
  local url_ = "http://" .. lab:get("/open").body .. "/"
  t.equal(t.http(url_).body, "GET")
  t.equal(t.http(url_, "-H", "Host: good.example").body, "GET")
  t.equal(t.http(url_, "-H", "Host: evil.example").status, 403)
  t.equal(t.http(url_, "-d", "x").body, "POST")
  t.equal(t.http(url_, "-d", "x", "-H", "Origin: http://evil.example").status, 403)
  t.equal(t.http(url_, "-H", "Origin: http://evil.example").body, "GET")
  t.equal(lab:stop(), 0)
end)

t.test("no descriptor left for a server: the reason is that", function()
  local dir = t.temp_dir()
  t.write(dir .. "/few", ("#!/bin/sh\nulimit -n 128\nexec %s \"$@\"\n"):format(t.quote(t.diaglab)))
  t.run("chmod +x " .. dir .. "/few")
  local lab = t.start_as(dir .. "/few", start)
  for _, fds in ipairs { 40, 1000 } do
    goto_step(lab, "91&fds=" .. fds)
    t.equal(lab:get("/exhaust").body, "24 listen tcp :0: too many open files", fds .. " descriptors")
    goto_step(lab, 0)
  end
  t.equal(lab:stop(), 0)
end)

t.test("what a step leaves behind is taken back", function()
  local lab = start()
  local before = census(lab)
  goto_step(lab, 91)
  t.equal(lab:get("/leave").body, "left")
  local during = census(lab)
  t.equal(during.children, 3)
  t.check(during.fds > before.fds + 5, "descriptors in use")
  local pids = children(lab)
  t.eventually(function() return lines("ps -o pid= --ppid " .. pids) == 6 end)
  goto_step(lab, 0)
  t.eventually(function() return same(lab, before) end)
  t.equal(lines("ps -o pid= -p " .. pids), 0, "children and their children")
  t.match(lab:log(), "step 91: 3 child programs were left behind and taken back")
  t.equal(lab:stop(), 0)
end)

t.test("the end of the lab is the end of its children", function()
  local lab = start()
  goto_step(lab, 91)
  lab:get("/leave")
  local pids = children(lab)
  t.equal(lines("ps -o pid= -p " .. pids), 3)
  t.equal(lab:stop(), 0)
  t.equal(lines("ps -o pid= -p " .. pids), 0)
end)

-- A search that takes minutes, in C: the lab can't take itself down, it exits.
local STUCK = [[return {
  enter = function()
    assert(lab.spawn { "sleep", "1000" })
    assert(lab.temp_file())
  end,
  request = function() return tostring(("x"):find("stuck 3600", 1, true)) end,
}]]

t.test("also of a lab that is stuck", function()
  local dir = t.temp_dir()
  t.run("mkdir " .. dir .. "/50-stuck")
  t.write(dir .. "/50-stuck/scenario.lua", STUCK)
  local lab = t.start_with({ dir }, "--step", "50")
  local pids, files = children(lab), census(lab).files
  t.spawn("curl -s " .. lab.url .. "/")
  lab:wait_log("Starting processing")
  lab:work("vm", 0.05) -- it has got there
  t.equal(lab:stop(), 0)
  t.has(lab:log(), "can't be interrupted")
  t.equal(files, 2)
  t.equal(census(lab).files, 0)
  t.equal(lines("ls -d ${TMPDIR:-/tmp}/diaglab-" .. lab.pid .. "-* 2>/dev/null"), 0)
  t.eventually(function() return lines("ps -o pid= -p " .. pids) == 0 end)
end)

-- As lab:go_to: a machine that is too busy says so.
local GO_TO = [[
go_to() {
  for i in 1 2 3 4 5 6 7 8 9 10; do
    answer=$(curl -sS "$1")
    case $answer in *"the machine is too busy"*) ;; *) break ;; esac
  done
  case $answer in "switched to step "*) ;; *) echo "$1: $answer" >&2; return 1 ;; esac
}]]

-- Steps with files, tasks, servers and children, switched under load.
local function check_switches(switches)
  local lab = start()
  local pace = t.temp_dir() .. "/pace.lua"
  t.write(pace, "function delay() return 4 end\n") -- the log has a line for each
  local load = t.spawn(("wrk -t1 -c8 -d%ds -s %s %s/"):format(switches * 2 + 10, pace, lab.url))
  local function round(n)
    local script = { "set -e", GO_TO }
    for i = 1, n do
      script[#script + 1] = ("go_to '%s/goto?step=%s'"):format(lab.url, i % 3 == 1 and "91" or i % 3 == 2 and "90" or "6&limit=200")
      if i % 3 == 1 then script[#script + 1] = ("curl -sS -o /dev/null %s/leave"):format(lab.url) end
      if i % 3 == 2 then script[#script + 1] = ("curl -sS -o /dev/null '%s/keep?n=20'"):format(lab.url) end
    end
    local result = t.run(table.concat(script, "\n"))
    t.equal(result.code, 0, result.err)
    goto_step(lab, 0)
  end
  round(12) -- what is made once, and kept
  local settled = census(lab)
  t.eventually(function()
    local now = census(lab)
    local calm = now.children == 0 and now.files == 0 and now.fds == settled.fds
    settled = now
    return calm
  end)
  local rss = lab:rss()
  round(switches)
  t.eventually(function() return same(lab, settled) end)
  local grown = lab:rss() - rss
  print(("     %d switches: %d KiB more, %d descriptors, %d threads"):format(switches, grown // 1024, settled.fds, settled.threads))
  if lab:vars()("HeapIdle") > 0 then -- sanitizers keep freed memory for a while
    t.check(grown < 16 << 20, grown .. " bytes more")
  end
  t.check(not lab:log():find("Sanitizer", 1, true), "a sanitizer's report")
  load:signal("INT")
  t.equal(lab:stop(), 0)
end

t.test("switches under load leave nothing", function() check_switches(24) end)
-- A machine with time may take 1000.
t.long("many switches under load leave nothing", function()
  check_switches(tonumber(os.getenv("DIAGLAB_SWITCHES")) or 120)
end)

t.finish()
