-- SPDX-License-Identifier: MIT
-- For tests/integration/test_basis.lua: counters that are added to before, while and
-- after the step is entered.
local orders, level = lab.counter("basis_orders"), lab.gauge("basis_level")
orders:add(100) -- when the file is loaded

return {
  enter = function()
    orders:add(1000)
    lab.counter("basis_entered"):add(7)
    level:set(5)
  end,
  request = function() orders:add(2) end,
  routes = {
    ["/slow"] = function() lab.sleep(0.5) orders:add(2) end,
    ["/allocate"] = function() lab.buffer(5000000) end,
  },
}
