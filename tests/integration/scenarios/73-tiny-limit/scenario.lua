-- SPDX-License-Identifier: MIT
-- A limit that is smaller than what the lab itself has in use.
return {
  limits = {
    memory = "1KiB",
  },
  request = function() end,
}
