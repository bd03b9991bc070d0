-- SPDX-License-Identifier: MIT
-- One of the programs in programs.lua; the answer is the CPU seconds it took.
local programs = lab.include "programs"

return {
  title = "Plain Lua at work",
  params = {
    program = { "calls", "its name in programs.lua" },
    rounds = { 1, "how many times it runs" },
  },
  request = function(self)
    local program = assert(programs[self.params.program], "no such program")
    local began = lab.cpu_time()
    for _ = 1, self.params.rounds do program() end
    return ("%.6f"):format(lab.cpu_time() - began)
  end,
}
