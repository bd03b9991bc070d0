local PIECE = 1 << 17

local buffer
local turn = lab.mutex() -- one copy at a time: two would mix their bytes

-- Reads random bytes many times, but keeps only those of the last round.
local function leakMemory(size, rounds)
  local draft <close> = lab.buffer(PIECE + 512)
  for _ = 1, (rounds - 1) * size // PIECE do
    assert(lab.copy_n(draft:reset(), lab.rand, PIECE))
  end
  turn:lock()
  local n, problem = lab.copy_n(buffer:reset(), lab.rand, size)
  turn:unlock()
  return assert(n, problem)
end

-- How many rounds make a request clearly slow on this machine. The fastest of
-- three measurements counts: other programs may have slowed down the rest.
local function calibrate(size)
  buffer = lab.buffer()
  local best = math.huge
  for _ = 1, 3 do
    local began = lab.now()
    leakMemory(size, 1)
    best = math.min(best, lab.now() - began)
  end
  return math.max(1, math.ceil(0.4 / best))
end

return {
  params = {
    size = { 10000000, "bytes that a request copies" },
    rounds = { 0, "times its bytes are drawn; 0 = as many as take about 400 ms here" },
  },
  limits = { memory = "1GiB" },
  enter = function(self)
    if self.params.rounds == 0 then self.params.rounds = calibrate(self.params.size) end
    buffer = lab.buffer()
    lab.release() -- memory of the measurement belongs to no request
  end,
  request = function(self) leakMemory(self.params.size, self.params.rounds) end,
  leave = function()
    buffer = lab.buffer() -- for requests that still run
    lab.gc()
  end,
}
