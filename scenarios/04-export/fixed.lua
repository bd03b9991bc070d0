local kept -- one buffer serves all rounds; it has the room that a copy asks for
local turn = lab.mutex() -- one copy at a time: two would mix their bytes

local function allocateMemory(size)
  turn:lock()
  kept = kept or lab.buffer(size + 512)
  local n, problem = lab.copy_n(kept:reset(), lab.rand, size)
  turn:unlock()
  return assert(n, problem)
end

return {
  params = {
    size = { 10000000, "bytes copied in a round" },
    rounds = { 8, "rounds per request" },
  },
  enter = function(self)
    lab.release() -- idle memory that the step before has left would mislead
    allocateMemory(self.params.size)
  end,
  request = function(self)
    for _ = 1, self.params.rounds do allocateMemory(self.params.size) end
  end,
  leave = function()
    kept = nil
    lab.gc()
  end,
}
