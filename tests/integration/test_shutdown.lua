-- SPDX-License-Identifier: MIT
-- The end: within 2 seconds, with exit code 0, whatever goes on. And the
-- control thread's answers while the VM can't be talked to.
local t = require "harness"
t.need("curl")
t.with_stuck()

local LIMIT = 2

-- A search that takes minutes, in C: nothing can interrupt it.
local STUCK = [[return {
  request = function() return tostring(("x"):find("stuck 3600", 1, true)) end,
}]]
local RUNAWAY = "return { request = function() while true do end end }"
local SLEEPER = "return { request = function() lab.sleep(600) end }"
local BURNER = "return { request = function() lab.burn(600) end }"
local SPINNER = "return { request = function() lab.spin(600) end }"

-- The lab in step 50, which TEXT is; step 51 is OTHER.
local function start_in(text, other)
  local dir = t.temp_dir()
  t.run("mkdir " .. dir .. "/50-test " .. dir .. "/51-other")
  t.write(dir .. "/50-test/scenario.lua", text)
  t.write(dir .. "/51-other/scenario.lua", other or text)
  return t.start_with({ dir, t.source .. "/scenarios" }, "--step", "50")
end

-- A request that is under way when this returns.
local function request(lab)
  local before = select(2, lab:log():gsub("Starting processing", ""))
  local get = t.spawn(("curl -sS -o /dev/null -w '%%{http_code}' %s/"):format(lab.url))
  t.eventually(function() return select(2, lab:log():gsub("Starting processing", "")) > before end)
  return get
end

-- Likewise, of STUCK: it is in C when this returns.
local function stuck_request(lab)
  local get = request(lab)
  lab:work("vm", 0.05)
  return get
end

local function ends_in_time(lab, signal)
  t.equal(lab:end_in(LIMIT + 0.3, signal), 0, "exit code") -- 0.3: to notice
end

for _, signal in ipairs { "TERM", "INT", "HUP", "QUIT" } do
  t.test(signal .. " ends an idle lab", function()
    local lab = t.start()
    ends_in_time(lab, signal)
    local name = { TERM = "terminated", INT = "interrupt", HUP = "hangup", QUIT = "quit" }
    t.match(lab:log(), "Received signal " .. name[signal] .. "\n[^\n]*Application stopping...\n$")
  end)
end

for name, text in pairs { ["sleeping"] = SLEEPER, ["running Lua"] = RUNAWAY, ["spinning"] = SPINNER,
  ["burning on a worker"] = BURNER } do
  t.test("TERM during a request that is " .. name, function()
    local lab = start_in(text)
    local get = request(lab)
    ends_in_time(lab)
    t.equal(get:wait(), 0, "it is answered")
    t.equal(get:out(), "503")
  end)
end

t.test("TERM during a request that is stuck in C", function()
  local lab = start_in(STUCK)
  stuck_request(lab)
  ends_in_time(lab)
  t.has(lab:log(), "can't be interrupted")
end)

-- Then nobody else can say why it didn't start.
t.test("a lab that can't start says so, also if its step can't be interrupted", function()
  local other = t.start()
  local dir = t.temp_dir()
  t.run("mkdir " .. dir .. "/50-test")
  t.write(dir .. "/50-test/scenario.lua", [[return {
    enter = function() lab.go(function() return ("x"):find("stuck 3600", 1, true) end) end,
    request = function() end }]])
  local command = t.command { "env", "LD_PRELOAD=" .. os.getenv("STUCK"), "ASAN_OPTIONS=verify_asan_link_order=0",
    t.diaglab, "--listen", "127.0.0.1:" .. other.port, "--scenarios", dir, "--step", "50",
    "--log-file", dir .. "/log" }
  t.eventually(function() -- on a busy machine it may end before the step's task begins
    local result = t.run(command)
    t.equal(result.code, 1)
    t.match(result.err, "^diaglab: can't listen on 127%.0%.0%.1:%d+: address already in use\n$")
    return t.read(dir .. "/log"):find("A scenario can't be interrupted: leaving it\n", 1, true)
  end)
end)

t.test("TERM during profiles: they end early and are whole", function()
  local lab = t.start("--step", "4", "--param", "4.rounds=2")
  local dir = t.temp_dir()
  local gets = {}
  for i, path in ipairs { "profile?seconds=500", "profile?seconds=500&hz=1000", "heap?seconds=500" } do
    gets[i] = t.spawn(("curl -sSfv -o %s/%d '%s/debug/pprof/%s'"):format(dir, i, lab.url, path))
  end
  for _, get in ipairs(gets) do lab:wait_sent(get) end
  for _ = 1, 5 do lab:get("/") end
  ends_in_time(lab)
  for i, get in ipairs(gets) do
    t.equal(get:wait(), 0)
    t.equal(t.run(("gzip -t <%s/%d"):format(dir, i)).code, 0)
  end
end)

t.test("TERM under load", function()
  local lab = t.start()
  local clients = {}
  for i = 1, 8 do
    clients[i] = t.spawn(("sh -c 'while curl -s -o /dev/null %s/; do :; done'"):format(lab.url))
  end
  lab:wait_log("Request processed")
  ends_in_time(lab)
  for _, client in ipairs(clients) do t.check(client:wait(), "the server is gone") end
end)

t.test("a client that doesn't read can't hold the lab", function()
  local lab = start_in("return { request = function() return ('x'):rep(30000000) end }")
  t.spawn(("curl -sS --limit-rate 1000 -o /dev/null %s/"):format(lab.url))
  lab:wait_log("Request processed")
  ends_in_time(lab)
end)

for name, enter in pairs { ["sleeps"] = "lab.sleep(600)", ["runs away"] = "while true do end",
  ["spins"] = "lab.spin(600)", ["burns"] = "lab.burn(600)" } do
  t.test("TERM during a switch whose enter " .. name, function()
    local lab = start_in("return { request = function() end }", ("return { enter = function() %s end, request = function() end }"):format(enter))
    local switch = t.spawn(("curl -sSv -o /dev/null -w '%%{http_code}' '%s/goto?step=51'"):format(lab.url))
    lab:wait_entering(51)
    ends_in_time(lab)
    t.equal(switch:wait(), 0, "it is answered")
    t.equal(switch:out(), "503")
  end)
end

-- The second finds the lab waiting for what is stuck in C.
for _, signal in ipairs { "TERM", "INT" } do
  t.test("a second signal, " .. signal .. ", changes nothing", function()
    local lab = start_in(STUCK)
    stuck_request(lab)
    lab:signal("TERM")
    lab:wait_log("Application stopping...")
    ends_in_time(lab, signal)
    t.equal(select(2, lab:log():gsub("Application stopping...", "")), 1)
  end)
end

-- ---- a VM that can't be talked to ----------------------------------------------

t.test("/debug answers while the VM is stuck, /goto says why it can't", function()
  local lab = start_in(STUCK)
  stuck_request(lab)
  -- First: later it uses so little that the lab may take it for starved, and wait.
  local answer = lab:in_time(0.1, "/goto", function() return lab:go_to(0) end, 5)
  t.equal(answer.status, 503)
  t.match(answer.body, "^step 50 is in %S+, which can't be interrupted; still in step 50, try again\n$")
  t.check(answer.seconds >= 0.05, "it waits for a moment")
  for _, path in ipairs { "/debug/vars", "/debug/pprof/", "/debug/pprof/heap", "/debug/pprof/heap?debug=1" } do
    answer = lab:in_time(0.1, path, function() return lab:get(path) end, 5)
    t.equal(answer.status, 200, path)
  end
  local gc = lab:get("/debug/pprof/heap?gc=1")
  t.equal(gc.status, 503)
  t.equal(gc.headers["x-go-pprof"], "1")
end)

t.test("/goto leaves a step that runs away", function()
  for _, text in ipairs { RUNAWAY, SPINNER } do
    local lab = start_in(text)
    local get
    lab:in_time(0.1, "/goto", function()
      if get then lab:go_to(50) end
      get = request(lab)
      local answer = lab:go_to(0)
      t.equal(answer.body, "switched to step 0")
      t.equal(get:wait(), 0)
      t.equal(get:out(), "503")
      t.equal(lab:get("/").body, "hello world")
      return answer
    end, 5)
  end
end)

t.test("entering may take longer than leaving is given", function()
  local lab = start_in("return { enter = function() lab.spin(0.4) end, request = function() return 'in' end }")
  lab:go_to(0)
  local answer = lab:go_to(50)
  t.equal(answer.body, "switched to step 50")
  t.check(answer.seconds >= 0.4)
  t.equal(lab:get("/").body, "in")
end)

t.finish()
