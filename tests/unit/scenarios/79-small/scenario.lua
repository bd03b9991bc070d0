-- SPDX-License-Identifier: MIT
-- For test_script_switches.c: it may have less memory than 78 has taken.
return {
  limits = { memory = "16MB" },
  request = function() return "ok" end,
}
