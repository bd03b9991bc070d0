-- SPDX-License-Identifier: MIT
-- The goroutineleak profile: exactly the tasks that nobody can wake, and that
-- looking for them keeps nobody from anything else.
local t = require "harness"
t.need("go", "curl")

local LEAK = "/debug/pprof/goroutineleak"
local scenarios = { t.source .. "/tests/integration/scenarios", t.source .. "/scenarios" }

-- How many tasks run which function: { lost = 10, ... }, and the sum.
local function leaked(lab)
  local answer = lab:get(LEAK .. "?debug=2")
  t.equal(answer.status, 200)
  local counts, sum = {}, 0
  for task in answer.body:gmatch("goroutine %d+ (.-)\n\n") do
    local name = task:match("%f[%w](lost%w*)%(") or task:match("\n([^\n]*)%(%.%.%.%)\n[^\n]*$") or task
    counts[name], sum = (counts[name] or 0) + 1, sum + 1
  end
  return counts, sum
end

local function show(counts)
  local list = {}
  for name, n in pairs(counts) do list[#list + 1] = name .. " " .. n end
  table.sort(list)
  return table.concat(list, ", ")
end

local cases = {
  { "dropped", { lost = 10 } }, { "reachable", {} }, { "send", { lostSend = 1 } },
  { "chain", { lostFirst = 1, lost = 1 } }, { "live_chain", {} }, { "buffered", { lost = 1 } },
  { "select", { lostSelect = 2, lostEmpty = 1, lostNever = 1 } },
  { "mutex", { lostLock = 1 } }, { "deadlock", { lostBoth = 2 } },
  { "rwmutex", { lostReader = 2, lostWriter = 1, lostBehind = 3 } }, { "wait_group", { lostWait = 2 } },
  { "join", { lostJoin = 1, lost = 1 } }, { "joins", { lostRow = 1000, lost = 1 }, "joins=1000" },
  { "task", { lost = 1 } }, { "result", {} }, { "sleeper", {} },
  { "timers", { lostStopped = 1 } }, { "upvalues", { lostUpvalue = 1 } }, { "metatables", {} },
  { "varargs", {} }, { "weak", { lostWeak = 2 } }, { "ephemerons", { lostUnderKey = 1 } },
  { "modules", {} }, { "server", { lostServer = 1 } }, { "outside", {} }, { "large", {} },
}

t.test("exactly the tasks that nobody can wake", function()
  local lab = t.start_with(scenarios, "--step", "59")
  for _, case in ipairs(cases) do
    local name, want, param = table.unpack(case)
    t.equal(lab:go_to("59&" .. (param or "joins=1")).status, 200)
    t.equal(show(leaked(lab)), "", "before " .. name)
    t.equal(lab:get("/" .. name).status, 200)
    for _ = 1, 2 do t.equal(show(leaked(lab)), show(want), name) end
  end
  t.equal(lab:stop(), 0)
end)

-- ---- how it is asked -----------------------------------------------------------

t.test("all forms, and the count of the last one", function()
  local lab = t.start_with(scenarios, "--step", "59")
  local function listed()
    return tonumber(lab:get("/debug/pprof/").body:match("<td>(%d+)</td><td><a href='goroutineleak"))
  end
  lab:get("/dropped")
  t.equal(listed(), 0) -- nobody has looked yet
  t.match(lab:get(LEAK .. "?debug=1").body, "^goroutineleak profile: total 10\n10 @ 0x")
  t.equal(listed(), 10)
  lab:get("/deadlock")
  t.equal(listed(), 10)
  t.equal(t.pprof.top(lab.url .. LEAK).total, 12)
  t.equal(listed(), 12)
  t.equal(t.pprof.raw(lab.url .. LEAK).types[1], "goroutineleak/count")
  local file = t.temp_dir() .. "/delta"
  -- If the window begins too late, or ends too early, there is another.
  local total = t.enough(function(seconds)
    local curl = t.spawn(t.command { "curl", "-sS", "-o", file, lab.url .. LEAK .. "?seconds=" .. seconds })
    t.sleep(0.4 * seconds)
    lab:get("/deadlock")
    local whole = curl:alive()
    t.equal(curl:wait(), 0)
    return t.pprof.top(file).total or 0, whole
  end, function(total, whole) return whole and total > 0 end)
  t.equal(total, 2)
  t.equal(lab:go_to(59).status, 200)
  t.equal(listed(), 0)
  t.equal(lab:stop(), 0)
end)

t.test("step 5: its channel can be reached until the step is left", function()
  local lab = t.start_with(scenarios, "--step", "5", "--param", "5.work=0.0001")
  t.equal(lab:get("/").status, 200)
  t.equal(show(leaked(lab)), "")
  t.equal(lab:stop(), 0)
end)

t.test("when the step has used up its memory", function()
  local lab = t.start_with(scenarios, "--step", "59")
  lab:get("/dropped")
  t.equal(lab:get("/full").status, 200)
  t.equal(show(leaked(lab)), "lost 10")
  t.equal(lab:stop(), 0)
end)

t.test("a row of 100,000 joins", function()
  local lab = t.start_with(scenarios, "--step", "59")
  t.equal(lab:get("/joins").status, 200)
  t.match(lab:get(LEAK .. "?debug=1").body, "^goroutineleak profile: total 100001\n")
  t.equal(lab:stop(), 0)
end)

-- ---- nobody waits for it -------------------------------------------------------

local function start_many(n)
  local lab = t.start_with(scenarios, "--step", "59", "--param",
    "59.many=" .. (t.is_sanitized() and 20000 or n or 30000))
  t.equal(lab:get("/many", "--max-time", "100").status, 200)
  return lab
end

-- Clients that look for leaks all the time.
local function lookers(lab, n)
  local list = {}
  for i = 1, n do
    list[i] = t.spawn("sh -c " .. t.quote("while :; do curl -s -o /dev/null '" .. lab.url .. LEAK .. "'; done"))
  end
  return list
end

local function check_crowd(n)
  local lab = start_many(n)
  local list = lookers(lab, 2)
  t.sleep(0.2)
  for _ = 1, 5 do
    lab:in_time(0.5, "/debug", function() return lab:get("/debug/pprof/cmdline") end, 3)
    lab:in_time(0.5, "a profile", function() return lab:get("/debug/pprof/threadcreate") end, 3)
  end
  t.match(lab:get("/debug/pprof/goroutine?debug=1").body, "^goroutine profile: total %d%d%d%d%d")
  -- The collector may not get its turn while they look; then it is said.
  local heap = lab:get("/debug/pprof/heap?gc=1")
  t.check(heap.status == 200 or heap.body:find("^the VM is busy and can't collect garbage now"), heap.body)
  local goto_59 = lab:in_time(0.7, "/goto", function() return lab:go_to(59) end)
  t.equal(goto_59.body, "switched to step 59")
  for _, looker in ipairs(list) do looker:signal("KILL") end
  t.eventually(function() return lab:get("/debug/pprof/heap?gc=1").status == 200 end)
  t.equal(show(leaked(lab)), "")
  t.equal(lab:stop(), 0)
end

t.test("30,000 tasks and tables: /debug and /goto go on", function() check_crowd(30000) end)
t.long("150,000 tasks and tables: /debug and /goto go on", function() check_crowd(150000) end)

t.test("it makes way for switches, and is answered all the same", function()
  local lab = start_many()
  local file = t.temp_dir() .. "/leak"
  local curl = t.spawn(t.command { "curl", "-sS", "-w", "%{http_code}", "-o", file, lab.url .. LEAK .. "?debug=1" })
  for i = 1, 10 do t.equal(lab:go_to(i % 2 == 0 and 59 or 0).status, 200) end
  t.equal(curl:wait(), 0)
  t.equal(curl:out(), "200")
  t.match(t.read(file), "^goroutineleak profile: total 0\n")
  t.equal(lab:stop(), 0)
end)

t.test("it waits for a switch, but not for ever", function()
  local lab = t.start_with(scenarios, "--step", "0")
  local switch
  local answer = t.enough(function(seconds)
    t.equal(lab:leave().status, 200)
    switch = t.spawn(t.command { "curl", "-sS", ("%s/goto?step=59&enter=%d"):format(lab.url, seconds) })
    lab:wait_entering(59)
    local got = lab:in_time(3, "leaks", function() return lab:get(LEAK .. "?debug=1") end)
    return got, lab:is_entering(59)
  end, function(_, is_entering) return is_entering end, 4)
  t.equal(answer.status, 200)
  t.check(answer.seconds >= 0.5, "it waits")
  t.equal(switch:wait(), 0)
  t.equal(switch:out(), "switched to step 59")
  t.equal(lab:stop(), 0)
end)

-- A walk takes a good part of a second, and one follows the other.
t.test("to leave a step is more urgent", function()
  local lab = t.start_with(scenarios, "--step", "0")
  t.spawn(t.command { "curl", "-sS", lab.url .. "/goto?step=59&enter=1000&tables=" ..
    (t.is_sanitized() and 300000 or 1000000) })
  lab:wait_entering(59)
  lab:wait_tasks("sleep", 1)
  local list = lookers(lab, 3)
  t.eventually(function() return lab:get(LEAK).status == 200 end)
  t.equal(lab:in_time(0.3, "/goto", function() return lab:go_to(0) end).body, "switched to step 0")
  for _, looker in ipairs(list) do looker:signal("KILL") end
  t.equal(lab:stop(), 0)
end)

t.test("the lab stops at once, and clients may go", function()
  local lab = start_many()
  local list = lookers(lab, 3)
  t.sleep(0.3)
  list[1]:signal("KILL")
  t.run("curl -s --max-time 0.02 '" .. lab.url .. LEAK .. "'")
  t.equal(lab:end_in(2), 0)
  for i = 2, 3 do list[i]:signal("KILL") end
end)

-- Steps 1 and 5 leak tasks, as their readers see it. This profile has none of
-- them, and the index says why.
t.test("steps 1 and 5: somebody could still reach the lock, the channel", function()
  for step, work in pairs { [1] = "counter", [5] = "workers" } do
    local lab = t.start_with(scenarios, "--step", tostring(step), "--param", "5.work=0.0001")
    local client = t.spawn(t.command { "curl", "-s", "-o", "/dev/null", lab.url .. "/" })
    if step == 5 then t.equal(client:wait(), 0) end
    t.eventually(function()
      return lab:get("/debug/pprof/goroutine?debug=2").body:find("\n" .. work .. ".", 1, true)
    end)
    t.match(lab:get(LEAK .. "?debug=1").body, "^goroutineleak profile: total 0\n")
    local index = lab:get("/debug/pprof/").body
    t.check(index:find("<td>[15]</td><td><a href='goroutine%?debug=1'>"), "and yet there are tasks")
    t.has(index, "<td>0</td><td><a href='goroutineleak?debug=1'>")
    t.match(index, "goroutineleak: </div> Stack traces of the goroutines %(here: tasks%) that are certainly leaked:"
      .. ".-a variable still refers to isn.-t among them.-somebody could%. Compare with goroutine%.")
    t.equal(lab:stop(), 0)
    client:signal("KILL")
  end
end)

t.finish()
