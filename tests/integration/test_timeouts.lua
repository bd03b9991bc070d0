-- SPDX-License-Identifier: MIT
-- Waiting no longer than some time, for all that tasks can wait for: results, what
-- one that gives up leaves behind (nothing), and what profiles say of it.
local t = require "harness"
local trace = require "trace"
t.need("go", "curl")

local scenarios = { t.source .. "/tests/integration/scenarios" }
local PPROF = "/debug/pprof/"

local function start() return t.start_with(scenarios, "--step", "40") end

local function ask(lab, path)
  local answer = lab:get(path, "--max-time", "60")
  t.equal(answer.status, 200, path .. ": " .. answer.body)
  return answer.body
end

-- Each route's answer is known.
local function answers(name, wanted)
  t.test(name, function()
    local lab = start()
    for path, list in pairs(wanted) do t.equal(ask(lab, path), table.concat(list, "\n"), path) end
    t.equal(lab:stop(), 0)
  end)
end

answers("results: true, or nil and timeout; 0 only looks", {
  ["/mutex"] = { "true", "nil,timeout", "nil,timeout", "true", "true", "[]" },
  ["/rwmutex"] = { "true", "true", "nil,timeout", "nil,timeout", "true", "true", "nil,timeout", "nil,timeout",
    "nil,timeout", "RWMutex (0 reading, unlocked, 0 waiting)" },
  ["/wait_group"] = { "nil,timeout", "nil,timeout", "true", "[]", "true" },
  ["/process"] = { "nil,timeout", "nil,timeout", "nil,signal: killed,9", "nil,signal: killed,9", "0" },
})

answers("results of channels: a nil that came, the end, and no time", {
  ["/channel"] = { "nil,nil,timeout", "nil,nil,timeout", "nil,timeout", "nil,timeout", "true", "nil,timeout",
    "nil,true", "nil,nil,timeout", "[]", "3,true", "late,true", "true", "nil,false", "nil,false",
    "send on closed channel" },
  ["/select"] = { "nil,timeout", "nil,timeout", "nil,timeout", "nil,timeout", "nil,timeout", "nil", "2",
    "2,nil,true", "2,late,true", "2,nil,false" },
})

t.test("wrong limits", function()
  local lab = start()
  local wanted = {}
  for _, wrong in ipairs { "number expected, got string", "seconds must not be negative",
    "seconds must not be negative", "number expected, got table" } do
    for _, name in ipairs { "lock", "lock", "rlock", "wait", "send", "recv" } do
      wanted[#wanted + 1] = ("bad argument #%d to '%s' (%s)"):format(name == "send" and 2 or 1, name, wrong)
    end
    wanted[#wanted + 1] = "select: timeout is seconds, and not negative"
  end
  wanted[#wanted + 1] = "Mutex (unlocked, 0 waiting) RWMutex (0 reading, unlocked, 0 waiting) 0"
  for _ = 1, 2 do
    wanted[#wanted + 1] = "lab.select has no option 'timout'; did you mean 'timeout'?"
  end
  wanted[#wanted + 1] = "nil,timeout nil,nil,timeout nil,timeout can't recv here: a C function waits for this call "
    .. "(as table.sort does for its comparator)"
  t.equal(ask(lab, "/wrong"), table.concat(wanted, "\n"))
  t.equal(lab:stop(), 0)
end)

answers("who gives up leaves no trace", {
  ["/order"] = { "hasty:timeout", "Mutex (locked, 2 waiting)", "first:true", "last:true",
    "Mutex (unlocked, 0 waiting)" },
  ["/values"] = { "choosy:nil,timeout", "hasty:nil,nil,timeout", "patient:one,true", "sent:nil,timeout",
    "offered:nil,timeout", "left:nil,nil,timeout" },
  ["/writer"] = { "RWMutex (1 reading, unlocked, 4 waiting)", "reader", "reader", "reader", "writer:nil,timeout",
    "RWMutex (4 reading, unlocked, 0 waiting)", "true" },
})

answers("the end of the time, a hand-over and a cancellation in one round", {
  ["/race/mutex"] = { "all" },
  ["/race/rwmutex"] = { "all" },
  ["/race/reader"] = { "all" },
})

answers("nothing is lost, and nothing comes twice", { ["/storm"] = { "all" } })

-- ---- profiles ------------------------------------------------------------------

-- By the scenario's functions: how often, and for how many ns; and the sum of all ns.
local function contentions(lab, kind)
  local count, ns, sum = {}, {}, 0
  for _, sample in ipairs(t.pprof.raw(lab.url .. PPROF .. kind).samples) do
    sum = sum + sample.values[2]
    for _, location in ipairs(sample.stack) do
      for _, frame in ipairs(location.frames) do
        local name = frame.name:match("^timeouts%.(%w+)$")
        if name then
          count[name] = (count[name] or 0) + sample.values[1]
          ns[name] = (ns[name] or 0) + sample.values[2]
        end
      end
    end
  end
  return count, ns, sum
end

local LIMIT_MS = 50 -- of each wait: it never lasts less
local KINDS = { waitForLock = "sync.Mutex.Lock", waitForReading = "sync.RWMutex.RLock",
  waitForWriting = "sync.RWMutex.Lock", waitForValue = "chan receive", waitForRoom = "chan send",
  waitForEither = "select", waitForGroup = "sync.WaitGroup.Wait", waitForTask = "join", waitForProcess = "IO wait" }

-- Asks for a wait of each kind; notes in MEASURED the ns of each.
local function wait_for_each(lab, measured)
  for name, ns in ask(lab, "/measured?ms=" .. LIMIT_MS):gmatch("(%w+) (%d+)") do measured[name] = tonumber(ns) end
end

t.measured("block, mutex and wall: what was really waited for", function()
  local lab = start()
  local file = t.temp_dir() .. "/wall"
  local measured = {}
  t.enough(function(seconds)
    t.equal(lab:go_to(40).status, 200)
    local ends = t.now() + seconds
    local profile = t.spawn(("curl -sSf -o %s '%s%swall?seconds=%d'"):format(file, lab.url, PPROF, seconds))
    lab:wait_profiler(profile)
    wait_for_each(lab, measured)
    local is_whole = t.now() < ends
    t.equal(profile:wait(), 0)
    return is_whole
  end, function(is_whole) return is_whole end)
  local count, ns = contentions(lab, "block")
  local in_state = {}
  for _, sample in ipairs(t.pprof.raw(file).samples) do
    for _, location in ipairs(sample.stack) do
      for _, frame in ipairs(location.frames) do
        local name = frame.name:match("^timeouts%.(%w+)$")
        local fits = name and KINDS[name] == table.concat(sample.labels.state, " ")
        if fits then in_state[name] = (in_state[name] or 0) + sample.values[2] end
      end
    end
  end
  for name, state in pairs(KINDS) do
    if state == "IO wait" then -- block is of tasks that wait for each other
      t.equal(count[name], nil, name .. " in block")
    else
      t.equal(count[name], 1, name)
      t.between(ns[name], LIMIT_MS * 1e6, measured[name], name .. " in block")
    end
    t.between(in_state[name] or 0, 0.99 * LIMIT_MS * 1e6, 1.01 * measured[name], name .. " in wall")
  end
  -- Who kept the locks answers for those who gave up, and for nothing else.
  local _, _, charged = contentions(lab, "mutex")
  t.near(charged / (ns.waitForLock + ns.waitForReading + ns.waitForWriting), 1, 0.05, "charged and waited")
  t.equal(lab:stop(), 0)
end)

t.measured("a trace: what was really waited for", function()
  local lab = start()
  local measured = {}
  local file = trace.take(lab, 2, function() wait_for_each(lab, measured) end)
  local sync, net = trace.profile(file, "sync"), trace.profile(file, "net")
  for name, state in pairs(KINDS) do
    local has, lacks = sync, net
    if state == "IO wait" then has, lacks = net, sync end
    t.between(has("timeouts." .. name), LIMIT_MS, measured[name] / 1e6 + 0.01, name)
    t.equal(lacks("timeouts." .. name), 0, name .. " in the other profile")
  end
  t.equal(lab:stop(), 0)
end)

t.test("a task that has a time limit isn't leaked", function()
  local lab = start()
  ask(lab, "/lonely?limit=1")
  t.has(ask(lab, PPROF .. "goroutine?debug=1"), "goroutine profile: total 15\n")
  t.has(ask(lab, PPROF .. "goroutineleak?debug=1"), "goroutineleak profile: total 0\n")
  ask(lab, "/lonely")
  t.has(ask(lab, PPROF .. "goroutineleak?debug=1"), "goroutineleak profile: total 15\n")
  t.equal(lab:stop(), 0)
end)

-- Of the 8 kinds 800 tasks; all of them end with their step, before their time.
t.test("those that wait are shown, and end with their step", function()
  local lab = start()
  ask(lab, "/park?n=100")
  local states = {}
  for state in ask(lab, PPROF .. "goroutine?debug=2"):gmatch("goroutine %d+ %[([^%] ]+[^%](]*)") do
    state = state:gsub(" $", "")
    states[state] = (states[state] or 0) + 1
  end
  for _, state in ipairs { "sync.Mutex.Lock", "sync.RWMutex.Lock", "sync.RWMutex.RLock", "sync.WaitGroup.Wait",
    "chan receive", "select", "join", "IO wait" } do
    t.equal(states[state], 100, state)
  end
  t.equal(lab:leave().status, 200)
  t.eventually(function() return ask(lab, PPROF .. "goroutine?debug=1"):find("total 0\n", 1, true) end)
  ask(lab, "/goto?step=40")
  ask(lab, "/park?n=100")
  t.equal(lab:stop(), 0)
end)

t.finish()
