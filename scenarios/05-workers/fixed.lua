local function startGoroutines(n, work)
  for _ = 1, n do
    lab.spin(work) -- CPU time that preparing a task takes
    lab.go(function() end)
    lab.counter("workers_started_total"):add()
  end
end

-- How many seconds of preparation are long on this machine: a hundred times the
-- CPU time for starting a task and joining it.
local function calibrate()
  local tasks = 200
  local began = lab.cpu_time()
  for _ = 1, tasks do lab.go(function() end):join() end
  return 100 * (lab.cpu_time() - began) / tasks
end

return {
  params = {
    goroutines = { 5, "started per request" },
    work = { 0.0, "CPU time to prepare one, in seconds; 0 = a hundred times what starting one takes here" },
  },
  limits = { memory = "1GiB" },
  enter = function(self)
    if self.params.work == 0 then self.params.work = calibrate() end
    lab.gc()
    lab.gc() -- tasks have finalizers: the second collection frees those of calibrate
  end,
  request = function(self) startGoroutines(self.params.goroutines, self.params.work) end,
}
