-- SPDX-License-Identifier: MIT
-- What a task's events cost: answers with nanoseconds of CPU time for a yield,
-- which is two events in a trace, one of them with a stack of eight frames.
local function descend(depth, rounds)
  if depth > 0 then return (descend(depth - 1, rounds)) end
  for _ = 1, rounds do lab.sleep(0) end
end

return {
  title = "Tasks that yield",
  params = { rounds = { 200000, "yields per request" } },
  request = function(self)
    local before = lab.cpu_time()
    descend(3, self.params.rounds)
    return ("%.1f\n"):format((lab.cpu_time() - before) / self.params.rounds * 1e9)
  end,
}
