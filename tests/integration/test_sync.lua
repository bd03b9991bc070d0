-- SPDX-License-Identifier: MIT
-- Locks, channels, select and timers, as scripts use them.
local t = require "harness"
t.need("curl")

local scenarios = { t.source .. "/tests/integration/scenarios" }

local function start() return t.start_with(scenarios, "--step", "64") end

-- Each route's answer is known.
local function answers(name, wanted)
  t.test(name, function()
    local lab = start()
    for path, body in pairs(wanted) do
      t.equal(lab:get(path, "--max-time", "60").body, body, path)
    end
    t.equal(lab:stop(), 0)
  end)
end

answers("locks", {
  ["/mutex"] = '1 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20 Mutex "m" (unlocked, 0 waiting)',
  ["/rwmutex"] = "waits last writer reader free",
  ["/rwmutex/cancel"] = "true",
  ["/wait_group"] = "3",
  ["/handed"] = "false  task cancelled 2",
  ["/self"] = "false",
})

t.test("a mutex is fair", function()
  local lab = start()
  local modest, greedy = t.match(lab:get("/fair").body, "^(%d+) (%d+)$")
  t.equal(modest, "100")
  t.between(tonumber(greedy), 90, 110, "turns of the other")
  t.equal(lab:stop(), 0)
end)

answers("channels", {
  ["/unbuffered"] = "1,2,3,4,5 nil false",
  ["/buffered"] = "s1 s2 2/2 r1 r2 r3 s3 s4 r4 Channel (1 of 2, closed) last false",
  ["/values"] = "1000",
  ["/pipeline"] = tostring(100 * 101 // 2 + 100 * 100),
})

answers("errors, in Go's words", {
  ["/errors"] = table.concat({
    "sync: unlock of unlocked mutex",
    "sync: RUnlock of unlocked RWMutex",
    "sync: Unlock of unlocked RWMutex",
    "sync: negative WaitGroup counter",
    "send on closed channel",
    "close of closed channel",
    "close of nil channel",
    "send on closed channel",
    "send on closed channel",
    "makechan: size out of range",
    'select: case 1 must be {channel, "recv"} or {channel, "send", value}',
    "select: case 1 has no channel",
    "can't lock here: a C function waits for this call (as table.sort does for its comparator)",
  }, "\n"),
})

answers("Tasks that have ended", {
  ["/ended"] = "nil timeout\ntrue 1, true 4, 3, false 2, whole, false 2, task cancelled, false 2, task cancelled, " ..
    "Task (ended), Task (ended)",
})

t.test("methods on what they don't belong to", function()
  local lab = start()
  local got = { "no value", "nil", "number", "number", "string", "boolean", "table", "function", "lab.Buffer" }
  local classes = { "lab.Mutex", "lab.RWMutex", "lab.WaitGroup", "lab.Channel", "lab.Task" }
  local wanted = {}
  for _, class in ipairs(classes) do
    local strangers = { table.unpack(got) }
    for _, other in ipairs(classes) do
      if other ~= class then strangers[#strangers + 1] = other end
    end
    for _, stranger in ipairs(strangers) do
      wanted[#wanted + 1] = ("bad argument #1 to '?' (%s expected, got %s)"):format(class, stranger)
    end
  end
  t.equal(lab:get("/strangers").body, table.concat(wanted, "\n"))
  t.equal(lab:stop(), 0)
end)

answers("select", {
  ["/select"] = "nil 2 2,x,true 3,y,true got,z,true 2 2,nil,false",
  ["/select/both"] = "500500",
  ["/select/cancel"] = "nil false",
})

t.test("select favours no case", function()
  local lab = start()
  local a, b, c = t.match(lab:get("/select/fair").body, "^(%d+) (%d+) (%d+)$")
  for _, n in ipairs { a, b, c } do t.near(tonumber(n), 1000, 150) end
  t.equal(lab:stop(), 0)
end)

t.measured("timers", function()
  local lab = start()
  t.equal(lab:get("/after").body, "2 true false false false Timer (over) Timer (over)")
  local ticks, last, stopped, slow, late = t.match(lab:get("/every").body,
    "^(%d+) (%a+) (%a+) (%d+) (%d+)$")
  t.equal(ticks, "5")
  t.equal(last, "true", "stop from within")
  t.equal(stopped, "true")
  t.between(tonumber(slow), 2, 5, "calls of 0.1 s in half a second")
  t.equal(late, "0", "calls after stop")
  t.equal(lab:get("/timer/errors").body, "non-positive interval for lab.every\n" ..
    "bad argument #1 to '?' (seconds must not be negative)")
  local log = lab:log()
  t.has(log, "failed: on purpose")
  t.equal(select(2, log:gsub("failed: only once", "")), 1)
  t.equal(lab:stop(), 0)
end)

-- Whatever tasks wait for, they are taken back, and what they waited for, too.
t.test("10,000 tasks in each kind of wait end with their step", function()
  local lab = start()
  lab:get("/mutex") -- everything that is made on first use
  lab:go_to(64)
  local before = lab:vars()("HeapAlloc")
  for _, kind in ipairs { "mutex", "rlock", "wlock", "wait_group", "send", "recv", "select",
    "select_empty", "sleep", "timer", "stubborn" } do
    t.equal(lab:get("/park?n=10000&kind=" .. kind).status, 200, kind)
    t.check(lab:vars()("HeapAlloc") > before + 10e6, "tasks parked in " .. kind)
    t.equal(lab:go_to(64).status, 200, "leaving tasks parked in " .. kind)
    t.eventually(function() return lab:vars()("HeapAlloc") < before + 1e6 end)
  end
  t.eventually(function()
    return select(2, lab:log():gsub("10000 tasks were left behind and cancelled", "")) == 11
  end)
  t.equal(lab:stop(), 0)
end)

t.test("a parked task costs some 1.4 KB, whatever it waits for", function()
  local lab = start()
  lab:get("/mutex")
  local function live()
    lab:get("/debug/pprof/heap?gc=1", "--max-time", "60")
    return lab:vars()("HeapAlloc")
  end
  local least = live()
  for _, kind in ipairs { "recv", "send", "mutex", "rlock", "wlock", "wait_group", "join", "select", "sleep" } do
    t.equal(lab:go_to(64).status, 200)
    local before = t.eventually(function() -- those of the kind before are given back
      local now = live()
      return now < least + 1e6 and now
    end)
    t.equal(lab:get("/park?n=20000&kind=" .. kind, "--max-time", "60").status, 200)
    t.between((live() - before) / 20000, 300, 1500, "bytes per task parked in " .. kind)
  end
  t.equal(lab:stop(), 0)
end)

-- Shutdown takes them out of their queues in another way.
t.test("the lab stops with tasks in all kinds of waits", function()
  local lab = start()
  for _, kind in ipairs { "mutex", "rlock", "wlock", "wait_group", "send", "recv", "select",
    "select_empty", "sleep", "timer" } do
    t.equal(lab:get("/park?n=100&kind=" .. kind).status, 200, kind)
  end
  t.equal(lab:stop(), 0)
end)

t.finish()
