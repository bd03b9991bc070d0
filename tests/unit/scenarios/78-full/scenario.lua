-- SPDX-License-Identifier: MIT
-- For test_script_switches.c: its tasks take all the memory that it may have, and
-- then what it may have besides while it is left.
local function fill()
  while true do lab.go(lab.sleep, 3600) end
end

return {
  limits = { memory = "32MB" },
  enter = function() pcall(fill) end,
  request = function() return "ok" end,
  leave = function()
    pcall(fill)
    lab.sleep(3600) -- as long as it may take
  end,
}
