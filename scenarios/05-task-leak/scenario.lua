local quit -- closed when there is no more work

local function startGoroutines(n, work)
  for _ = 1, n do
    lab.spin(work) -- CPU time that preparing a task takes
    lab.go(function() quit:recv() end)
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
  title = "Not as fast as it was, and heavier by the hour",
  difficulty = 3,
  minutes = 20,
  symptom = "Answers take several times as long as they used to, and the process needs a little more of everything every hour.",
  params = {
    goroutines = { 5, "started per request" },
    work = { 0.0, "CPU time to prepare one, in seconds; 0 = a hundred times what starting one takes here" },
  },
  limits = { memory = "1GiB" },
  enter = function(self)
    quit = lab.channel()
    if self.params.work == 0 then self.params.work = calibrate() end
    lab.gc()
    lab.gc() -- tasks have finalizers: the second collection frees those of calibrate
  end,
  request = function(self) startGoroutines(self.params.goroutines, self.params.work) end,
  leave = function() quit:close() end,
  hints = {
    "One request shows little. Send a few hundred, and compare the process before and after: memory, descriptors, threads, tasks.",
    "Which profile counts things that are alive, rather than bytes or time?",
    "`curl 'localhost:6060/debug/pprof/goroutine?debug=1' | head`: which stack is there so many times, and what does it wait for?",
  },
  expect = {
    requests = 20,
    { "goroutine", under = "startGoroutines", share = 0.8 },
    { "tasks", grows = "5 per request" },
    { "latency", ratio = ">= 5" },
  },
  diagnosis = {
    kind = "task leak",
    where = "startGoroutines",
    accept = { "goroutine leak", "channel", "never closed" },
  },
}
