-- SPDX-License-Identifier: MIT
-- For tests/integration/test_waits.lua: tasks that wait for known reasons, and
-- measure how long. Most routes answer "how many, how many ns".

local routes = {}

local function number(req, key)
  return tonumber(req.query[key])
end

-- Runs f(i) as n tasks and waits for all of them: by a channel, so that the
-- profile shows one wait of this task for each.
local function all(n, f)
  local done = lab.channel(n)
  for i = 1, n do
    lab.go(function()
      f(i)
      done:send(true)
    end)
  end
  for _ = 1, n do done:recv() end
end

-- n tasks want a lock that each of them holds for ms milliseconds.
function routes.contend(req)
  local n, ms, m = number(req, "n"), number(req, "ms"), lab.mutex()
  local waits, total = 0, 0
  local function holdLock()
    local began = lab.now()
    m:lock()
    local waited = lab.now() - began
    if waited > 0.0005 then waits, total = waits + 1, total + waited end
    lab.sleep(ms / 1000)
    m:unlock()
  end
  all(n, holdLock)
  return ("%d %.0f"):format(waits, total * 1e9)
end

-- n values, one each ms milliseconds: the receiver waits for each.
function routes.receive(req)
  local n, ms, c = number(req, "n"), number(req, "ms"), lab.channel()
  lab.go(function()
    for i = 1, n do
      lab.sleep(ms / 1000)
      c:send(i)
    end
    c:close()
  end)
  local total = 0
  local function receiveOne()
    local began = lab.now()
    c:recv()
    total = total + lab.now() - began
  end
  for _ = 1, n do receiveOne() end
  return ("%d %.0f"):format(n, total * 1e9)
end

-- Waits for whatever comes first, and for a task's end.
function routes.select(req)
  local ms, c, never = number(req, "ms"), lab.channel(), lab.channel()
  local sender = lab.go(function()
    lab.sleep(ms / 1000)
    c:send(1)
    lab.sleep(ms / 1000)
  end)
  local function waitForEither() return (lab.select { { never, "recv" }, { c, "recv" } }) end
  local function waitForEnd() return (sender:join()) end
  waitForEither()
  waitForEnd()
  return "2 0"
end

-- Waits for the end of a task: twice not long enough, then till the end.
function routes.join(req)
  local ms = number(req, "ms")
  local task = lab.go(lab.sleep, 3 * ms / 1000)
  local function joinBriefly() return (task:join(ms / 1000)) end
  local function joinLong() return (task:join(100)) end
  local first, second = joinBriefly(), joinBriefly()
  if first ~= nil or second ~= nil then error("it ended early") end
  if not joinLong() then error("it failed") end
  return "3 0"
end

-- Holds a lock until the step is left; others wait for it till then.
local stuck = lab.mutex()
function routes.stuck()
  if stuck:try_lock() then return "locked" end
  stuck:lock()
  stuck:unlock()
  return "unlocked"
end

-- For `seconds` turns of sleeping 35 ms and using the CPU for 15 ms.
function routes.mix(req)
  local began = lab.now()
  local function napAndSpin()
    lab.sleep(0.035)
    lab.spin(0.015)
  end
  while lab.now() - began < number(req, "seconds") do napAndSpin() end
  return "mixed"
end

-- One task sleeps for all the time.
function routes.nap(req)
  lab.sleep(number(req, "seconds"))
  return "slept"
end

-- The same on a worker: the task waits, something else runs.
function routes.burn(req)
  return tostring(lab.burn(number(req, "seconds")))
end

-- n tasks that want the VM all the time share it.
function routes.rivals(req)
  local until_ = lab.now() + number(req, "seconds")
  local function count()
    local n = 0
    while lab.now() < until_ do n = n + 1 end
    return n
  end
  all(number(req, "n"), count)
  return "counted"
end

-- n tasks that are parked until the step is left.
local parked = lab.channel()
function routes.park(req)
  for _ = 1, number(req, "n") do lab.go(function() parked:recv() end) end
  return "parked"
end

-- What a cumulative profile remembers: n buffers that are dropped at once.
function routes.allocate(req)
  for _ = 1, number(req, "n") do lab.buffer(1000000) end
  return "allocated"
end

local paths = {}
for name, f in pairs(routes) do
  paths["/" .. name] = function(_, req)
    local answer = f(req)
    return answer
  end
end

return {
  title = "Waiting",
  request = function() end,
  routes = paths,
  leave = function()
    parked:close()
    if not stuck:try_lock() then stuck:unlock() end
  end,
}
