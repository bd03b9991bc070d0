-- SPDX-License-Identifier: MIT
-- For test_load.lua: what a load may meet.
local n = 0

return {
  params = { stall = { 0.5, "seconds that every tenth request of /stall takes" } },
  request = function() return "ok" end,
  routes = {
    ["/half"] = function()
      n = n + 1
      if n % 2 == 0 then error("every second one", 0) end
      return "ok"
    end,
    ["/stall"] = function(self)
      n = n + 1
      if n == 10 then lab.sleep(self.params.stall) end
      return "ok"
    end,
    ["/never"] = function() lab.sleep(60) end,
    ["/echo"] = function(_, req) return req.method .. " " .. req.raw_query .. " " .. req.body end,
  },
}
