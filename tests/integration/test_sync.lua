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
      t.equal(lab:get(path, "--max-time", "20").body, body, path)
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
    "can't lock here: a C function waits for this call",
  }, "\n"),
})

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

t.finish()
