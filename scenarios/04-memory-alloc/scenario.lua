local function allocateMemory(size)
  do
    local buffer = lab.buffer(size)
    assert(lab.copy_n(buffer, lab.rand, size))
  end
  lab.gc()
end

-- How many rounds make a request clearly slow on this machine. The first round
-- gets its memory from the kernel, later rounds use it again: measure a later one.
local function calibrate(size)
  allocateMemory(size)
  local began = lab.now()
  allocateMemory(size)
  local took = lab.now() - began
  return math.max(1, math.ceil(0.4 / took))
end

return {
  title = "Slow answers, and nobody knows where the time goes",
  difficulty = 3,
  minutes = 20,
  symptom = "Answers take a few hundred milliseconds. The memory of the process has grown, too.",
  params = {
    size = { 10000000, "bytes copied in a round" },
    rounds = { 0, "rounds per request; 0 = as many as take about 400 ms here" },
  },
  enter = function(self)
    lab.release() -- idle memory that the step before has left would mislead
    if self.params.rounds == 0 then self.params.rounds = calibrate(self.params.size) end
  end,
  request = function(self)
    for _ = 1, self.params.rounds do allocateMemory(self.params.size) end
  end,
  leave = function() lab.gc() end,
  hints = {
    "Where does the CPU time of a request go? Take a CPU profile while one runs.",
    "Copying memory is not the whole story: which function allocates, and how much per request?",
    "Compare inuse_space with alloc_space, and HeapIdle before and after.",
  },
  expect = {
    requests = 5,
    { "profile.cpu", top = "lab_random_read", under = "allocateMemory", share = 0.5 },
    { "heap.alloc_space", top = "lab_buffer_grow", under = "allocateMemory", share = 0.6 },
    { "heap.inuse_space", empty = true },
    { "latency", ratio = ">= 20" },
  },
  diagnosis = {
    kind = "memory allocation",
    where = "allocateMemory",
    accept = { "temporary buffer", "allocation", "garbage" },
  },
}
