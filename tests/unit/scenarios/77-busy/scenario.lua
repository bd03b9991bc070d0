-- SPDX-License-Identifier: MIT
-- For test_script_switches.c: its tasks go on until they are interrupted.
return {
  enter = function()
    for _ = 1, 20 do
      lab.go(function() while true do lab.sleep(0) end end)
    end
  end,
  request = function() return "ok" end,
}
