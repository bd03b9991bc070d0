-- SPDX-License-Identifier: MIT
-- One of the programs in programs.lua; the answer is the CPU seconds it took.
local programs = lab.include "programs"

-- Runs F with DEPTH more calls on the stack. If THROUGH is "c", every second one
-- of them is a C function's.
local function descend(depth, through, f)
  if depth <= 0 then
    f()
  elseif through == "c" then
    assert(pcall(descend, depth - 2, through, f))
  else
    descend(depth - 1, through, f)
  end
end

return {
  title = "Plain Lua at work",
  params = {
    program = { "calls", "its name in programs.lua" },
    rounds = { 1, "how many times it runs" },
    depth = { 0, "calls that are on the stack before it" },
    through = { "lua", "lua, or c: half of them are a C function's" },
  },
  request = function(self)
    local p = self.params
    local program = assert(programs[p.program], "no such program")
    local began = lab.cpu_time()
    for _ = 1, p.rounds do descend(p.depth, p.through, program) end
    return ("%.6f"):format(lab.cpu_time() - began)
  end,
}
