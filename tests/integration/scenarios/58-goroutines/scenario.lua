-- SPDX-License-Identifier: MIT
-- For tests/integration/test_goroutine.lua: known numbers of tasks in known
-- states.
local quit, mutex, ready

local function waitForQuit()
  quit:recv()
end

local function waitForLock()
  mutex:lock()
  mutex:unlock()
end

local function work()
  local stop = lab.now() + 20
  while lab.now() < stop do end
end

local function startTasks(n, f)
  for _ = 1, n do lab.go(f) end
  lab.sleep(0)
end

-- They wake each other in turn, for ever: always one is ready or runs.
local function startRing(n)
  local channels = {}
  for i = 1, n do channels[i] = lab.channel(1) end
  for i = 1, n do
    lab.go(function()
      while true do
        channels[i]:recv()
        channels[i % n + 1]:send(true)
      end
    end)
  end
  lab.sleep(0)
  channels[1]:send(true)
end

return {
  params = { tasks = { 10, "to start" } },
  enter = function()
    quit, mutex, ready = lab.channel(), lab.mutex(), lab.channel()
    mutex:lock()
  end,
  request = function(self) startTasks(self.params.tasks, waitForQuit) end,
  routes = {
    ["/lock"] = function() startTasks(7, waitForLock) end,
    ["/select"] = function()
      startTasks(3, function() lab.select { { ready, "recv" }, { quit, "recv" } } end)
    end,
    ["/sleep"] = function() startTasks(2, function() lab.sleep(1000) end) end,
    ["/work"] = function() startTasks(1, work) end,
    ["/ring"] = function(self) startRing(self.params.tasks) end,
    ["/hog"] = function(_, req) lab.spin(tonumber(req.query.seconds)) end, -- C code: the VM stands still
  },
  leave = function() quit:close() mutex:unlock() end,
}
