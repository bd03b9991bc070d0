-- SPDX-License-Identifier: MIT
-- For tests/integration/test_held.lua: locks with a known holder and known
-- waiters, and things that have names.
local mutex, rw, quit, convoy

-- What is parked in these functions is told apart by the function's name.
local function keepLock()
  mutex:lock()
  quit:recv()
  mutex:unlock()
end

local function waitForLock()
  mutex:lock()
  mutex:unlock()
end

local function takeAndKeep()
  mutex:lock()
  quit:recv()
end

local function forgetLock() mutex:lock() end

local function touchLock()
  for _ = 1, 3 do
    if mutex:try_lock() then mutex:unlock() end
  end
  quit:recv()
end

local function keepReading()
  rw:rlock()
  quit:recv()
  rw:runlock()
end

local function keepWriting()
  rw:lock()
  quit:recv()
  rw:unlock()
end

local function waitForWriting() rw:lock() end

local function waitForReading() rw:rlock() end

-- Two locks that two tasks take in two orders; and others who get into it.
local accounts, ledger

local function payOut() accounts:lock() lab.sleep(0) ledger:lock() end
local function payIn() ledger:lock() lab.sleep(0) accounts:lock() end
local function audit() accounts:lock() end
local function report() rw:rlock() lab.sleep(0) accounts:lock() end
local function reprice() rw:lock() end
local function review() ledger:lock(1000) end

local function passOn()
  while true do
    convoy:lock()
    lab.sleep(0)
    convoy:unlock()
    lab.sleep(0)
  end
end

local function start(n, f, ...)
  local tasks = {}
  for i = 1, n do tasks[i] = lab.go(f, ...) end
  lab.sleep(0)
  return tasks
end

local function read(name)
  mutex = lab.mutex(name)
  start(1, keepLock)
  start(2, waitForLock)
end

return {
  params = { tasks = { 1000, "in the convoy" } },
  enter = function()
    mutex, rw, quit, convoy = lab.mutex(), lab.rwmutex("prices"), lab.channel(), lab.mutex()
  end,
  request = function() end,
  routes = {
    ["/mutex"] = function()
      start(1, touchLock)
      start(1, keepLock)
      start(1, touchLock)
      start(14, waitForLock)
    end,
    ["/more"] = function() start(3, waitForLock) end,
    ["/release"] = function() quit:send(true) lab.sleep(0) lab.sleep(0) end,
    ["/chain"] = function() start(1, keepLock) start(3, takeAndKeep) end,
    ["/forgotten"] = function() start(1, forgetLock) start(2, waitForLock) end,
    ["/request"] = function()
      mutex:lock()
      start(5, waitForLock)
      quit:recv()
      mutex:unlock()
    end,
    ["/cancel"] = function()
      start(1, keepLock)
      for _, task in ipairs(start(4, waitForLock)) do task:cancel() end
      start(1, waitForLock)
    end,
    ["/late"] = function()
      local stop = lab.cpu_time() + 0.5
      while lab.cpu_time() < stop do end
      start(1, keepLock)
      start(1, waitForLock)
    end,
    ["/readers"] = function() start(3, keepReading) start(2, waitForWriting) start(1, waitForReading) end,
    ["/reader"] = function() start(1, keepReading) start(1, waitForWriting) end,
    ["/many"] = function() start(6, keepReading) start(1, waitForWriting) end,
    ["/writer"] = function() start(1, keepWriting) start(2, waitForReading) start(1, waitForWriting) end,
    ["/deadlock"] = function()
      accounts, ledger = lab.mutex("accounts"), lab.mutex("ledger")
      for _, f in ipairs { payOut, payIn, report, audit, reprice, review } do lab.go(f) end
      for _ = 1, 3 do lab.sleep(0) end
    end,
    -- The same locks in one order: many wait, and it ends by itself.
    ["/order"] = function()
      accounts, ledger = lab.mutex("accounts"), lab.mutex("ledger")
      local function pay() accounts:lock() ledger:lock() quit:recv() end
      start(4, pay)
    end,
    ["/convoy"] = function(self) start(self.params.tasks, passOn) end,
    ["/plain"] = function() read("stats") end,
    ["/brackets"] = function() read('a],[b;"c"\n\tgoroutine 7 [x]:') end,
    ["/long"] = function() read(("n\xc3\xa4"):rep(1000)) end,
    ["/binary"] = function() read("\xff\1\xfe") end,
    ["/names"] = function()
      local jobs, stop, other = lab.channel(0, "jobs"), lab.channel(1, "stop"), lab.channel()
      local group = lab.wait_group("workers")
      group:add(1)
      start(1, function() jobs:recv() end)
      start(1, function() for _ = 1, 2 do stop:send(1) end end)
      start(1, function() lab.select { { jobs, "recv" }, { other, "recv" }, { stop, "send", 1 } } end)
      start(1, function() group:wait() end)
      lab.after(1000, function() end, "flush")
      lab.every(1000, function() end)
      lab.sleep(0)
      return table.concat({ tostring(jobs), tostring(stop), tostring(other), tostring(group),
        tostring(lab.after(1000, print, "later")) }, "\n") .. "\n"
    end,
  },
}
