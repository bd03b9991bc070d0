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
}
