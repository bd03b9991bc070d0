-- SPDX-License-Identifier: MIT
-- goroutine?debug=2 says who has a lock, since when, and how many wait for it,
-- and what locks, channels and timers are called. Nobody innocent is named: the
-- holder is told by its own stack in the same dump.
local t = require "harness"
t.need("curl")

local scenarios = { t.source .. "/tests/integration/scenarios" }

-- The tasks of a dump: { id, state, remark, text }. Each headline is one that
-- programs for dumps of Go's read, the strictest of which wants
-- `goroutine 7 [state without a comma, 2 minutes]:`.
local function tasks_of(lab, kind)
  local list = {}
  local body = lab:get("/debug/pprof/" .. (kind or "goroutine") .. "?debug=2").body
  for text in body:gmatch("(goroutine %d+ .-)\n\n") do
    local head = text:match("^[^\n]*")
    local id, state = head:match("^goroutine (%d+) %[([^%],]+)%]:$")
    t.check(id, "a headline that other programs can't read: " .. head)
    local bare, remark = state:match("^(.-) %((.*)%)$")
    list[#list + 1] = { id = id, state = bare or state, remark = remark, text = text }
  end
  return list
end

-- Those whose stack has the scenario's function NAME.
local function in_function(list, name)
  local found = {}
  for _, task in ipairs(list) do
    if task.text:find("\nheld." .. name .. "(...)\n", 1, true) then found[#found + 1] = task end
  end
  return found
end

local function start(path, ...)
  local lab = t.start_with(scenarios, "--step", "93", ...)
  if path then t.equal(lab:get(path).status, 200, path) end
  return lab
end

-- All who wait in NAME say that the one task in HOLDER has the lock.
local function check_holder(lab, holder, name, count, waiting)
  local list = tasks_of(lab)
  local holders, waiters = in_function(list, holder), in_function(list, name)
  t.equal(#holders, 1, "tasks in " .. holder)
  t.equal(#waiters, count, "tasks in " .. name)
  for _, task in ipairs(waiters) do
    t.match(task.remark, "^held by task " .. holders[1].id .. " since [%d.]+ s; " .. (waiting or count) .. " wait$")
  end
  return holders[1].id, waiters
end

t.test("a mutex: the task that has it, and how many wait", function()
  local lab = start("/mutex")
  local holder, waiters = check_holder(lab, "keepLock", "waitForLock", 14)
  t.equal(waiters[1].state, "sync.Mutex.Lock")
  t.equal(lab:get("/more").status, 200)
  t.equal(check_holder(lab, "keepLock", "waitForLock", 17), holder)
  for _, task in ipairs(in_function(tasks_of(lab), "touchLock")) do t.equal(task.state, "chan receive") end
  t.equal(lab:stop(), 0)
end)

t.test("after a hand-over it is the next one", function()
  local lab = start("/chain")
  local first = check_holder(lab, "keepLock", "takeAndKeep", 3)
  t.equal(lab:get("/release").status, 200)
  local list = tasks_of(lab)
  local holder
  for _, task in ipairs(in_function(list, "takeAndKeep")) do
    if task.state == "chan receive" then holder = task.id end
  end
  t.check(holder and holder ~= first, "one has got it")
  local waiters = 0
  for _, task in ipairs(in_function(list, "takeAndKeep")) do
    if task.state == "sync.Mutex.Lock" then
      waiters = waiters + 1
      t.match(task.remark, "^held by task " .. holder .. " since [%d.]+ s; 2 wait$")
    end
  end
  t.equal(waiters, 2)
  t.equal(lab:stop(), 0)
end)

t.test("a holder that has ended", function()
  local lab = start("/forgotten")
  local list = tasks_of(lab)
  t.equal(#list, 2)
  for _, task in ipairs(list) do
    local id = task.remark:match("^held by task (%d+) since [%d.]+ s; it has ended; 2 wait$")
    t.check(id, task.remark)
    for _, other in ipairs(list) do t.check(other.id ~= id, "it isn't there") end
  end
  t.equal(lab:stop(), 0)
end)

t.test("a holder that is a request; and one in a request after it", function()
  local lab = start()
  local curl = t.spawn(t.command { "curl", "-sS", "-o", "/dev/null", lab.url .. "/request" })
  t.eventually(function() return #in_function(tasks_of(lab), "waitForLock") == 5 end)
  local list = tasks_of(lab)
  t.equal(#list, 6)
  local request
  for _, task in ipairs(list) do
    if task.state == "chan receive" then request = task.id end
  end
  for _, task in ipairs(in_function(list, "waitForLock")) do
    t.match(task.remark, "^held by task " .. request .. " since [%d.]+ s; 5 wait$")
  end
  t.equal(lab:get("/release").status, 200)
  t.equal(curl:wait(), 0)
  t.eventually(function() return #tasks_of(lab) == 0 end)
  t.equal(lab:get("/mutex").status, 200) -- its coroutine may serve again
  check_holder(lab, "keepLock", "waitForLock", 14)
  t.equal(lab:stop(), 0)
end)

t.test("who was cancelled doesn't wait", function()
  local lab = start("/cancel")
  check_holder(lab, "keepLock", "waitForLock", 1)
  t.equal(lab:stop(), 0)
end)

t.test("since it was taken, not since the task began to run", function()
  local lab = start()
  local asked = t.now()
  t.equal(lab:get("/late").status, 200)
  t.sleep(0.3)
  local _, waiters = check_holder(lab, "keepLock", "waitForLock", 1)
  local since = tonumber(waiters[1].remark:match("since ([%d.]+) s"))
  t.between(since, 0.3, t.now() - asked - 0.25, "seconds; it has computed for 0.5 before")
  t.equal(lab:stop(), 0)
end)

t.test("a rwmutex: one reader, several, many, a writer", function()
  local lab = start("/readers")
  local list = tasks_of(lab)
  local ids = {}
  for i, task in ipairs(in_function(list, "keepReading")) do ids[i] = task.id end
  local remark = '^"prices" held by 3 readers since [%d.]+ s: tasks ' .. table.concat(ids, " ") .. "; 3 wait$"
  for _, task in ipairs(in_function(list, "waitForWriting")) do
    t.equal(task.state, "sync.RWMutex.Lock")
    t.match(task.remark, remark)
  end
  t.match(in_function(list, "waitForReading")[1].remark, remark)
  t.equal(lab:go_to(93).status, 200)
  t.equal(lab:get("/reader").status, 200)
  list = tasks_of(lab)
  t.match(in_function(list, "waitForWriting")[1].remark,
    '^"prices" held by reader task ' .. in_function(list, "keepReading")[1].id .. " since [%d.]+ s; 1 wait$")
  t.equal(lab:go_to(93).status, 200)
  t.equal(lab:get("/many").status, 200)
  t.match(in_function(tasks_of(lab), "waitForWriting")[1].remark,
    '^"prices" held by 6 readers since [%d.]+ s: tasks %d+ %d+ %d+ %d+ and others; 1 wait$')
  t.equal(lab:go_to(93).status, 200)
  t.equal(lab:get("/writer").status, 200)
  list = tasks_of(lab)
  for _, name in ipairs { "waitForReading", "waitForWriting" } do
    for _, task in ipairs(in_function(list, name)) do
      t.match(task.remark,
        '^"prices" held by task ' .. in_function(list, "keepWriting")[1].id .. " since [%d.]+ s; 3 wait$")
    end
  end
  t.equal(lab:stop(), 0)
end)

-- ---- a deadlock ----------------------------------------------------------------

-- id -> the id of the task that has what it waits for; and id -> what it has itself.
local function graph_of(list)
  local next_of, has = {}, {}
  for _, task in ipairs(list) do
    local remark = task.remark or ""
    next_of[task.id] = remark:match("held by task (%d+)") or remark:match("held by reader task (%d+)")
    for name in remark:gmatch('[hr][oe][la]ds "(%w+)": %d+ wait: tasks') do
      has[task.id] = (has[task.id] and has[task.id] .. " " or "") .. name
    end
  end
  return next_of, has
end

-- The ids on the circle to which one gets from ID, sorted; nil: it ends somewhere.
local function circle_from(next_of, id)
  local seen = {}
  while id and not seen[id] do
    seen[id] = true
    id = next_of[id]
  end
  if not id then return nil end
  local circle, at = { id }, next_of[id]
  while at ~= id do
    circle[#circle + 1] = at
    at = next_of[at]
  end
  table.sort(circle)
  return table.concat(circle, " ")
end

t.test("a deadlock is proven by one dump", function()
  local lab = start("/deadlock")
  local list = tasks_of(lab)
  local id, remark = {}, {}
  for _, name in ipairs { "payOut", "payIn", "report", "audit", "reprice", "review" } do
    local found = in_function(list, name)
    t.equal(#found, 1, name)
    id[name], remark[name] = found[1].id, found[1].remark
  end
  -- Each says what it waits for, who has it, and what it has itself.
  local waits = '^"%s" held by %stask %s since [%%d.]+ s; %d wait%s$'
  local function has_it(what, name, ...)
    return ('; %s "%s": %d wait: tasks %s'):format(what, name, select("#", ...), table.concat({ ... }, " "))
  end
  t.match(remark.payOut,
    waits:format("ledger", "", id.payIn, 2, has_it("holds", "accounts", id.payIn, id.report, id.audit)))
  t.match(remark.payIn, waits:format("accounts", "", id.payOut, 3, has_it("holds", "ledger", id.payOut, id.review)))
  t.match(remark.report, waits:format("accounts", "", id.payOut, 3, has_it("reads", "prices", id.reprice)))
  t.match(remark.audit, waits:format("accounts", "", id.payOut, 3, ""))
  t.match(remark.reprice, waits:format("prices", "reader ", id.report, 1, ""))
  t.match(remark.review, waits:format("ledger", "", id.payIn, 2, ""))
  -- So one gets from any of them to the two that wait for each other.
  local next_of, has = graph_of(list)
  local two = { id.payIn, id.payOut }
  table.sort(two)
  for _, task in ipairs(list) do t.equal(circle_from(next_of, task.id), table.concat(two, " "), task.text) end
  t.equal(has[id.payOut], "accounts")
  t.equal(has[id.payIn], "ledger")
  t.equal(has[id.report], "prices")
  t.equal(lab:stop(), 0)
end)

t.test("locks in one order: no circle", function()
  local lab = start("/order")
  local list = tasks_of(lab)
  t.equal(#list, 4)
  local next_of = graph_of(list)
  for _, task in ipairs(list) do t.equal(circle_from(next_of, task.id), nil) end
  local first
  for _, task in ipairs(list) do
    if task.state == "chan receive" then first = task end
  end
  t.match(first.remark, '^holds "accounts": 3 wait: tasks %d+ %d+ %d+$')
  t.equal(lab:stop(), 0)
end)

-- With so many tasks the dump is taken in slices, between which the lock goes
-- on. All show the one moment: one holder, who has it, and all who wait.
t.test("a lock that goes on while the dump is taken", function()
  local lab = start("/convoy", "--param", "93.tasks=10000")
  for _ = 1, 2 do
    local state_of, remarks, waiting = {}, {}, 0
    local body = lab:get("/debug/pprof/goroutine?debug=2").body
    for id, state in body:gmatch("goroutine (%d+) %[([^%],]+)%]:\n") do
      state_of[id] = state
      local remark = state:match("^sync%.Mutex%.Lock %((.*)%)$")
      if remark then
        waiting = waiting + 1
        if not remarks[remark] then remarks[#remarks + 1] = remark end
        remarks[remark] = true
      end
    end
    t.check(waiting > 3000, waiting .. " wait")
    t.equal(#remarks, 1, "different remarks")
    local holder, count = remarks[1]:match("^held by task (%d+) since [%d.]+ s; (%d+) wait$")
    t.equal(tonumber(count), waiting)
    t.match(state_of[holder], ("^runnable %%(holds a lock: %s wait: tasks %%d+ %%d+ %%d+ %%d+ and others%%)$")
      :format(count))
  end
  t.equal(lab:stop(), 0)
end)

t.test("names of locks, whatever they are", function()
  local names = {
    ["/plain"] = '"stats"',
    ["/brackets"] = '"a___b__c___goroutine 7 _x_:"',
    ["/long"] = '"' .. ("n\xc3\xa4"):rep(20) .. '"',
    ["/binary"] = '"\xef\xbf\xbd_\xef\xbf\xbd"',
  }
  for path, name in pairs(names) do
    local lab = start(path)
    local list = tasks_of(lab)
    local holder = in_function(list, "keepLock")[1].id
    for _, task in ipairs(in_function(list, "waitForLock")) do
      local shown, rest = task.remark:match("^(.*) (held by .*)$")
      t.equal(shown, name)
      t.match(rest, "^held by task " .. holder .. " since [%d.]+ s; 2 wait$")
    end
    t.equal(lab:stop(), 0)
  end
end)

t.test("names of channels, wait groups and timers", function()
  local lab = t.start_with(scenarios, "--step", "93")
  t.equal(lab:get("/names").body, 'Channel "jobs" (0 of 0)\nChannel "stop" (1 of 1)\nChannel (0 of 0)\n'
    .. 'WaitGroup "workers" (1, 1 waiting)\nTimer "later" (set)\n')
  local states = {}
  for _, task in ipairs(tasks_of(lab)) do
    local state = task.remark and task.state .. " " .. task.remark or task.state
    states[state] = (states[state] or 0) + 1
  end
  for _, state in ipairs { 'chan receive "jobs"', 'chan send "stop"', 'select "jobs or stop"',
    'sync.WaitGroup.Wait "workers"', 'sleep "flush"', 'sleep "later"', "sleep" } do
    t.equal(states[state], 1, state)
  end
  t.equal(lab:stop(), 0)
end)

t.finish()
