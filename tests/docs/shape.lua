-- SPDX-License-Identifier: MIT
-- The shape of a line of output: what stays the same from run to run.
--   - a number, with the unit after it and the sign before it, is #; so are
--     addresses, percentages, and the dots by which pprof says zero
--   - of a path or URL the last part counts
--   - spaces of any width are one
-- In an expected line ... stands for anything.
--
--   shape.of(line)                   -> its shape
--   shape.missing(expected, text)    -> the lines of the list that the text has
--                                       nowhere
local shape = {}

function shape.of(line)
  line = line:gsub("%S*/", "")
  line = line:gsub("%f[%w_]%d[%w.,%%\u{b5}]*", "#")
  line = line:gsub("%f[%S][-+]#", "#"):gsub("%f[%S]%.%f[%s]", "#")
  return (line:gsub("%s+", " "):gsub("^ ", ""):gsub(" $", ""))
end

-- The expected line as a pattern for shapes.
local function pattern_of(line)
  local parts = {}
  for part in (line .. "..."):gmatch("(.-)%.%.%.") do
    parts[#parts + 1] = shape.of(part):gsub("%W", "%%%0")
  end
  return "^%s*" .. table.concat(parts, ".*") .. "%s*$"
end

function shape.missing(expected, text)
  local shapes, missing = {}, {}
  for line in text:gmatch("[^\r\n]+") do shapes[#shapes + 1] = shape.of(line) end
  for _, line in ipairs(expected) do
    local pattern, found = pattern_of(line), not line:find("[^%s.]")
    for i = 1, #shapes do found = found or shapes[i]:find(pattern) ~= nil end
    if not found then missing[#missing + 1] = line end
  end
  return missing
end

return shape
