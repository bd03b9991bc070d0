-- SPDX-License-Identifier: MIT
-- What a scenario says of itself, as text: pairs of a key and a value, each packed
-- as "<s4". reader.lua writes it and says which keys there are.
--
-- record.lua() -> record
-- record.pair(key, value) -> its text; a record is these, one after the other
-- record.each(text) -> key, value for each pair, in a loop

local record = {}

-- Taken before any scenario has run.
local pack, unpack = string.pack, string.unpack

function record.pair(key, value) return pack("<s4s4", key, value) end

function record.each(text)
  local at = 1
  return function()
    if at > #text then return nil end
    local key, value
    key, value, at = unpack("<s4s4", text, at)
    return key, value
  end
end

return record
