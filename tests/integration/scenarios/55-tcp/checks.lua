-- SPDX-License-Identifier: MIT
-- Checks within a scenario: each raises, with what it found.
local checks = {}

function checks.equal(got, want, what)
  if got ~= want then
    error(("%s: got %s, wanted %s"):format(what or "equal", tostring(got):sub(1, 200), tostring(want):sub(1, 200)), 2)
  end
end

function checks.has(text, part)
  if not text:find(part, 1, true) then error(text .. " has no " .. part, 2) end
end

-- What a failing call returned, with the message (a part of it) and the errno that it should have.
function checks.fails(message, code, ...)
  local first, text, number = ...
  if first ~= nil then error("it should have failed", 2) end
  if not text:find(message, 1, true) then error(text .. " is not " .. message, 2) end
  if number ~= code then error(("%s: errno %s, wanted %s"):format(text, number, code), 2) end
end

return checks
