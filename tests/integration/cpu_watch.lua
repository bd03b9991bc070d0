-- SPDX-License-Identifier: MIT
-- What threads of a lab have used between any two moments of a while.
--
--   watch(lab, prefix, is_over) -> between
--     looks at the CPU time of the threads with such names until is_over()
--   between(from, to)           -> least, most
--     the least and the most CPU seconds that they have used between two moments,
--     in nanoseconds of the machine's clock
local socket = require "socket"

local PAUSE = 0.02

return function(lab, prefix, is_over)
  local looks = {}
  local function look()
    local before = socket.gettime()
    looks[#looks + 1] = { from = before, cpu = lab:thread_cpu(prefix), to = socket.gettime() }
  end
  repeat
    look()
    socket.sleep(PAUSE)
  until is_over()
  look()
  return function(from, to)
    from, to = from / 1e9, to / 1e9
    local outer_from, outer_to, inner_from, inner_to = looks[1], nil, nil, nil
    for _, one in ipairs(looks) do
      if one.to <= from then outer_from = one end
      if one.from >= from then inner_from = inner_from or one end
      if one.to <= to then inner_to = one end
      if one.from >= to then outer_to = outer_to or one end
    end
    outer_to = outer_to or looks[#looks]
    local least = inner_from and inner_to and inner_to.cpu - inner_from.cpu or 0
    return math.max(0, least), outer_to.cpu - outer_from.cpu
  end
end
