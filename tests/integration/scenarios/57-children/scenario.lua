-- SPDX-License-Identifier: MIT
-- For tests: many child programs, also beside much memory.
local hold

local function start(n)
  local group = lab.wait_group()
  for _ = 1, n do
    group:add(1)
    lab.go(function()
      assert(lab.spawn { "true" }):wait()
      group:done()
    end)
  end
  group:wait()
  return "done"
end

return {
  limits = { memory = "2GiB" },
  request = function(_, req) return start(math.tointeger(tonumber(req.query.n))) end,
  routes = {
    ["/big"] = function()
      hold = lab.buffer()
      assert(lab.copy_n(hold, lab.prng(1), 300000000))
      return tostring(hold:len())
    end,
    -- What a child sees of itself, in the file that the query names.
    ["/self"] = function(_, req)
      local script = "exec >" .. req.query.file .. "; ls -1 /proc/$$/fd; exec cat /proc/self/status /proc/self/stat"
      return tostring(assert(lab.spawn { "sh", "-c", script }):wait())
    end,
    ["/leave"] = function(_, req)
      return tostring(assert(lab.spawn { "sh", "-c", req.query.script }):wait())
    end,
  },
}
