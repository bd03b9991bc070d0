-- SPDX-License-Identifier: MIT
-- needs: processor, time
-- /goto and /debug while the application is busy, and switches that meet each
-- other. The design says 100 ms; on a busy machine the limit here is 300. (What
-- one request can do to the VM is in test_scenarios and test_shutdown.)
local t = require "harness"
t.need("curl")
t.with_stuck()

local LIMIT = 0.3

local function start(scenarios, ...)
  local dir = t.temp_dir()
  for name, text in pairs(scenarios) do
    t.run("mkdir " .. dir .. "/" .. name)
    t.write(dir .. "/" .. name .. "/scenario.lua", text)
  end
  return t.start_with({ dir, t.source .. "/scenarios" }, ...)
end

-- SECONDS are those without waiting for a processor. If they are too many the test is
-- run again: the machine may have stopped for a moment.
local function check_limit(lab, what, seconds)
  lab:in_time(LIMIT, what, function() return { seconds = seconds } end)
end

-- Many answers' seconds, of which the longest is shown and the longest but one checked.
local function in_time(lab, path, n)
  local times = {}
  for i = 1, n do
    local seconds, answer = lab:seconds_of(function() return lab:get(path) end)
    t.equal(answer.status, 200, path)
    times[i] = seconds
  end
  table.sort(times)
  print(("     %-28s median %.1f ms, longest %.1f ms"):format(path, times[n // 2 + 1] * 1e3, times[n] * 1e3))
  check_limit(lab, path, times[n - 1])
end

local function count(text, plain) return select(2, text:gsub(plain, "")) end

-- N requests to / that are under way when this returns.
local function requests(lab, n)
  local before = count(lab:log(), "Starting processing")
  local list = {}
  for i = 1, n do list[i] = t.spawn(("curl -sSv -o /dev/null -w '%%{http_code}' %s/"):format(lab.url)) end
  for _, one in ipairs(list) do lab:wait_sent(one) end
  lab:get("/status") -- comes after them
  t.eventually(function() return count(lab:log(), "Starting processing") > before end)
  return list
end

-- A request to PATH that has been taken up when this returns.
local function begin(lab, path)
  local program = t.spawn(("curl -sSv -w '\n%%{http_code} %%{time_total}' '%s%s'"):format(lab.url, path))
  lab:wait_sent(program)
  lab:get("/status") -- comes after it
  return program, function()
    t.equal(program:wait(), 0)
    local body, status, seconds = program:out():match("^(.*)\n(%d+) (%S+)$")
    return { body = body, status = tonumber(status), seconds = tonumber(seconds) }
  end
end

-- Requests of which LOG tells the beginning, and those of which it tells the end.
local function count_requests(log)
  return count(log, "Starting processing request...\n"), count(log, "Request processed in %d[%d.]*[^%d\n]*s\n")
end

if t.have("wrk") then
  t.test("under load: in time, and the log loses nothing", function()
    local lab = t.start()
    local starting = count(lab:log(), "\n")
    local wrk = t.spawn(("wrk -t1 -c64 -d2s %s/"):format(lab.url))
    t.sleep(0.3)
    for _, path in ipairs { "/debug/vars", "/debug/pprof/", "/debug/pprof/heap", "/debug/pprof/heap?debug=1", "/goto?step=0" } do
      in_time(lab, path, 10)
    end
    t.equal(wrk:wait(), 0)
    local served = tonumber((t.match(wrk:out(), "(%d+) requests in")))
    t.check(not wrk:out():find("Non-2xx", 1, true), wrk:out())
    t.eventually(function() -- those that were under way when wrk ended
      local is_idle = lab:get("/status").body:find('"in_flight": 0, "queued": 0', 1, true)
      local starts, ends = count_requests(lab:log())
      return is_idle and starts == ends
    end)
    t.equal(lab:stop(), 0)
    local log = lab:log()
    local starts, ends = count_requests(log)
    t.equal(starts, ends)
    t.between(ends, served, served + 64, "requests in the log") -- 64 may be under way at the end
    t.equal(count(log, "\n"), 2 * ends + starting + 2, "lines: those, some at the start, two at the end")
  end)
end

-- Switches to step 0; the seconds that it took, without those of waiting for a
-- processor.
local function leave(lab)
  local seconds, answer = lab:seconds_of(function() return lab:leave("--max-time", "60") end)
  t.equal(answer.body, "switched to step 0", answer.failure)
  return seconds
end

local SPINS = {
  ["Lua code"] = "return { request = function() while true do end end }",
  ["lab.spin"] = "return { request = function() lab.spin(600) end }",
}
for name, text in pairs(SPINS) do
  for _, n in ipairs { 2, 8 } do
    t.test(("a switch gets past %d requests in %s"):format(n, name), function()
      local lab = start({ ["52-spins"] = text })
      local best = math.huge
      for _ = 1, 2 do
        t.equal(lab:go_to(52).status, 200)
        local spinning = requests(lab, n)
        in_time(lab, "/debug/vars", 5)
        best = math.min(best, leave(lab))
        for _, one in ipairs(spinning) do
          t.equal(one:wait(), 0)
          t.equal(one:out(), "503")
        end
        t.equal(lab:get("/").body, "hello world")
      end
      print(("     /goto: %.1f ms"):format(best * 1e3))
      check_limit(lab, "/goto", best)
      t.equal(lab:stop(), 0)
    end)
  end
end

-- The request goes into C code, for a second or so, when the switch has begun.
t.measured("a switch that C code holds up in the middle says so, and follows", function()
  local lab = start { ["53-late"] = [[
local leaving = false
return {
  request = function()
    while not leaving do lab.sleep(0.001) end
    return tostring(("x"):find("stuck 1.5", 1, true))
  end,
  leave = function() leaving = true lab.sleep(60) end,
}]] }
  lab:go_to(53)
  local list = requests(lab, 1)
  local answer = lab:in_time(LIMIT, "/goto", function() return lab:get("/goto?step=0", "--max-time", "60") end)
  t.equal(answer.status, 503, answer.body)
  t.match(answer.body, "^a task is in %S+, which can't be interrupted; step 0 follows when that ends\n$")
  t.equal(lab:get("/debug/vars").status, 200)
  t.equal(list[1]:wait(), 0)
  t.eventually(function() return lab:get("/").body == "hello world" end)
  t.equal(lab:stop(), 0)
end)

-- ---- switches that meet ---------------------------------------------------------

local function slow(seconds)
  return ("return { enter = function() lab.sleep(%g) end, request = function() return 'slow' end }"):format(seconds)
end
local QUICK = "return { request = function() return 'quick' end }"

-- Begins a switch to step 54, and returns when it is being entered, or has been.
local function begin_entering(lab)
  local switch, answered = begin(lab, "/goto?step=54")
  t.eventually(function() return lab:is_entering(54) or not switch:alive() end)
  return switch, answered
end

local PATIENT = 2 -- seconds; then requests are told of the switch

t.test("a slow enter is waited for, and requests are served meanwhile", function()
  local lab, answered
  local seconds = t.enough(function(seconds)
    lab = start { ["54-slow"] = slow(seconds) }
    local began = t.now()
    answered = select(2, begin_entering(lab))
    for _ = 1, 5 do
      for _, path in ipairs { "/", "/debug/vars" } do
        local took, answer = lab:seconds_of(function() return lab:get(path) end)
        if not lab:is_entering(54) or t.now() - began >= PATIENT then return seconds, false end
        t.equal(answer.status, 200, path)
        check_limit(lab, path, took)
        if path == "/" then t.equal(answer.body, "hello world", "not there yet") end
      end
    end
    return seconds, true
  end, function(_, whole) return whole end)
  local answer = answered()
  t.equal(answer.body, "switched to step 54")
  t.check(answer.seconds >= seconds, "it takes as long as enter")
  t.equal(lab:get("/").body, "slow")
end)

for name, enter in pairs { sleeps = "lab.sleep(600)", ["runs away"] = "while true do end", spins = "lab.spin(600)" } do
  t.test("a later switch pushes aside one whose enter " .. name, function()
    local lab = start { ["55-never"] = "return { enter = function() " .. enter .. " end, request = function() end }",
      ["56-quick"] = QUICK }
    local _, answered = begin(lab, "/goto?step=55")
    local second = lab:in_time(LIMIT, "/goto", function() return lab:go_to(56, "--max-time", "60") end)
    t.equal(second.body, "switched to step 56", second.failure)
    local first = answered()
    t.equal(first.status, 503)
    t.equal(first.body, "a later switch took its place\n")
    t.equal(lab:get("/").body, "quick")
    t.equal(lab:stop(), 0)
  end)
end

t.test("what a switch had started before it was pushed aside ends", function()
  local lab = start { ["57-starts"] = [[return {
    enter = function()
      lab.go(function() while true do lab.log("still here") lab.sleep(0.1) end end)
      lab.sleep(600)
    end,
    request = function() end,
  }]] }
  begin(lab, "/goto?step=57")
  lab:wait_log("still here")
  t.equal(lab:go_to(0).status, 200)
  local seen = count(lab:log(), "still here")
  t.sleep(1)
  t.between(count(lab:log(), "still here"), seen, seen + 1)
end)

-- Each of the two hundred would have its ten milliseconds before a switch that
-- waits for its turn.
t.test("a switch gets past tasks that compute, and takes everything back", function()
  local lab = start { ["56-quick"] = QUICK, ["58-crowd"] = [=[return {
    enter = function()
      lab.temp_file(lab.temp_dir()):write("x")
      for _ = 1, 200 do lab.go(function() while true do end end) end
    end,
    request = function() end,
    leave = function() lab.sleep(10) end,
  }]=] }
  t.equal(lab:go_to(58).status, 200)
  local answer = lab:in_time(1, "/goto", function() return lab:leave("--max-time", "60") end)
  t.equal(answer.status, 200, answer.body)
  t.equal(lab:go_to(58).status, 200)
  begin(lab, "/goto?step=0") -- it is being left now
  t.equal(lab:go_to(56, "--max-time", "60").status, 200)
  t.eventually(function() return lab:get("/status").body:find('"tasks": {"total": 0,', 1, true) end)
  t.eventually(function() return lab:get("/debug/pprof/lab.OpenFiles?debug=1").body:find("total 0\n", 1, true) end)
  t.equal(lab:get("/").body, "quick")
  t.equal(lab:stop(), 0)
end)

t.test("what an enter took that was cut short is given back", function()
  local lab = start { ["56-quick"] = QUICK, ["58-takes"] = [=[return {
    enter = function() lab.temp_file(lab.temp_dir()):write("x") lab.log("took it") lab.sleep(600) end,
    request = function() end,
  }]=] }
  begin(lab, "/goto?step=58")
  lab:wait_log("took it")
  t.equal(lab:go_to(56, "--max-time", "60").status, 200)
  t.eventually(function() return lab:get("/debug/pprof/lab.OpenFiles?debug=1").body:find("total 0\n", 1, true) end)
  t.equal(lab:stop(), 0)
end)

t.test("many switches at once: each is answered, the last one counts", function()
  local lab = start { ["56-quick"] = QUICK, ["54-slow"] = slow(2) }
  local gets = {}
  for i = 1, 20 do
    gets[i] = t.spawn(("curl -sS -o /dev/null -w '%%{http_code}' '%s/goto?step=%d'"):format(lab.url, ({ 56, 54, 0, 4 })[i % 4 + 1]))
  end
  for _, get in ipairs(gets) do
    t.equal(get:wait(), 0)
    t.check(get:out() == "200" or get:out() == "503", get:out())
  end
  t.equal(lab:go_to(56).status, 200)
  t.equal(lab:get("/").body, "quick")
  t.equal(lab:stop(), 0)
end)

-- A client that begins a switch to step 54, and has gone when this returns.
local function begin_and_go(lab)
  local switch = begin_entering(lab)
  switch:signal("KILL")
  switch:wait()
end

t.test("a client that goes away during its switch changes nothing", function()
  local lab = t.enough(function(seconds)
    local lab = start { ["54-slow"] = slow(seconds) }
    begin_and_go(lab)
    local body = lab:get("/").body
    local is_entering = lab:is_entering(54)
    if is_entering then t.equal(body, "hello world") end
    return lab, is_entering
  end, function(_, is_entering) return is_entering end, 2)
  t.eventually(function() return lab:get("/").body == "slow" end)
  begin_and_go(lab)
  t.equal(lab:go_to(0).body, "switched to step 0")
  t.equal(lab:get("/").body, "hello world")
  t.equal(lab:stop(), 0)
end)

-- What a step orders of the control thread is done in between: to begin so many
-- calls takes most of a second.
t.test("ten thousand calls at once: the control thread answers meanwhile", function()
  local lab = start({ ["51-calls"] = [[
local server
return {
  enter = function() server = assert(lab.listen("127.0.0.1:0", function() lab.sleep(600) end)) end,
  request = function()
    local url = "http://" .. server:address() .. "/"
    for _ = 1, 10000 do lab.go(lab.http.get, url, { timeout = 600 }) end
    lab.sleep(600)
  end,
}]] }, "--step", "51")
  if tonumber(lab:get("/status").body:match('"limits".-"fds": (%d+)')) < 12000 then return end
  local request = t.spawn("curl -s -o /dev/null " .. lab.url .. "/")
  local most = 0
  t.eventually(function()
    local status = lab:in_time(LIMIT, "/status", function() return lab:get("/status") end).body
    most = math.max(most, tonumber((status:match('"fds": (%d+)'))))
    return most > 8000
  end)
  t.equal(lab:go_to(0).status, 200)
  t.equal(request:wait(), 0)
  t.equal(lab:stop(), 0)
end)

t.finish()
