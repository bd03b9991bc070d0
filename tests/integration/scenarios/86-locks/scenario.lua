-- SPDX-License-Identifier: MIT
-- Locks that one keeps for long and others only for a moment, or the other way
-- round: the mutex profile must name who keeps it.
local prices, price = lab.mutex("prices"), 0

local function updatePrice()
  prices:lock()
  lab.sleep(0.02)
  price = price + 1
  prices:unlock()
end

local function readPrice()
  prices:lock()
  local now = price
  prices:unlock()
  return now
end

-- Runs n tasks that call f again and again while work runs.
local function besides(n, f, work)
  local done, tasks = false, {}
  for i = 1, n do
    tasks[i] = lab.go(function() while not done do f() lab.sleep(0) end end)
  end
  lab.sleep(0.01)
  work()
  done = true
  for _, task in ipairs(tasks) do assert(task:join()) end
end

local routes = {}

routes["/mutex"] = function()
  besides(16, readPrice, function() for _ = 1, 20 do updatePrice() end end)
end

-- Readers: one that keeps the lock for 30 ms, and short ones that come and go
-- meanwhile; a writer has to wait for them. The last to go is a short one.
local book = lab.rwmutex("book")
local function readAll() book:rlock() lab.sleep(0.03) book:runlock() end
local function readLine() book:rlock() lab.sleep(0.001) book:runlock() end
local function write() book:lock() book:unlock() end

routes["/readers"] = function()
  for _ = 1, 10 do
    local long = lab.go(readAll)
    lab.sleep(0.028) -- nobody waits yet
    local line = lab.go(readLine)
    lab.sleep(0)
    local short = lab.go(write)
    long:join() line:join() short:join()
    local early = lab.go(readAll)
    lab.sleep(0.001)
    local writers = {}
    for i = 1, 5 do writers[i] = lab.go(write) end
    early:join()
    for _, writer in ipairs(writers) do writer:join() end
  end
end

local function writeAll() book:lock() lab.sleep(0.02) book:unlock() end
routes["/writer"] = function()
  besides(10, function() book:rlock() book:runlock() end, function() for _ = 1, 10 do writeAll() end end)
end

-- How many hold a lock, and whether they may go: a machine that is busy with others
-- may keep a task from running for longer than any sleep.
local holders, may_go = 0, false
local function hold()
  holders = holders + 1
  while not may_go do lab.sleep(0.001) end
  holders = holders - 1
end
local function waitForHolders(n)
  while holders < n do lab.sleep(0.001) end
end

-- Some that wait are cancelled; the one that keeps the lock answers for them, too.
local function keepLong() prices:lock() hold() prices:unlock() end
routes["/cancelled"] = function()
  may_go = false
  local keeper, waiters = lab.go(keepLong), {}
  waitForHolders(1)
  for i = 1, 10 do waiters[i] = lab.go(readPrice) end
  lab.sleep(0.02)
  for _, waiter in ipairs(waiters) do waiter:cancel() end
  may_go = true
  keeper:join()
end

-- Two hold it for reading all the time while writers wait: half of it is each one's.
local function readOne() book:rlock() hold() book:runlock() end
local function readOther() book:rlock() hold() book:runlock() end
routes["/half"] = function()
  for _ = 1, 4 do
    may_go = false
    local one, other = lab.go(readOne), lab.go(readOther)
    waitForHolders(2)
    local writer = lab.go(write)
    lab.sleep(0.05)
    may_go = true
    one:join() other:join() writer:join()
  end
end

return { request = function() end, routes = routes }
