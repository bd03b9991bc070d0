-- SPDX-License-Identifier: MIT
-- How many bytes per second copy_n moves: from the kernel or from lab.prng, into
-- a buffer made anew for each round (as step 4 does) or into one that has been
-- filled before.
local function anew(reader, size)
  assert(lab.copy_n(lab.buffer(size), reader, size))
end

local function again(reader, size, buffer)
  assert(lab.copy_n(buffer:reset(), reader, size))
end

return {
  title = "Copying bytes",
  params = {
    size = { 10000000, "bytes copied in a round" },
    rounds = { 20, "rounds per request" },
    source = { "rand", "rand or prng" },
    fresh = { true, "a new buffer for each round" },
  },
  request = function(self)
    local p = self.params
    local reader = p.source == "rand" and lab.rand or lab.prng(1)
    local buffer = lab.buffer()
    again(reader, p.size, buffer)
    local copy = p.fresh and anew or again
    local began = lab.now()
    for _ = 1, p.rounds do
      copy(reader, p.size, buffer)
      if p.fresh then lab.gc() end
    end
    return ("%.0f"):format(p.rounds * p.size / (lab.now() - began))
  end,
}
