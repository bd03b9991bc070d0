-- SPDX-License-Identifier: MIT
-- The shape of a line of output: what stays the same from run to run.
--   - a number, with the unit after it and the sign before it, is #; so are
--     addresses, percentages, and the dots by which pprof says zero
--   - but a line's number counts: in a listing of pprof, and of a scenario.lua
--   - of a path or URL the last part counts
--   - the state of a process, as ps and top print it before a number, is S
--   - spaces of any width are one
-- In an expected line ... stands for anything.
--
--   shape.of(line)                   -> its shape
--   shape.missing(expected, text)    -> the lines of the list that the text has
--                                       nowhere
local shape = {}

-- A number that is not to become #.
local function keep(before, digits)
  return before .. (digits:gsub("%d", function(d) return ("ABCDEFGHIJ"):sub(d + 1, d + 1) end))
end

-- "   10ms   3.86s    4:  f(x)": one or two columns of costs, the line, a source.
local function keep_line_numbers(line)
  for _, columns in ipairs { "[%d.]%S*%s+[%d.]%S*%s+", "[%d.]%S*%s+" } do
    local before, number, rest = (line .. "\n"):match("^(%s*" .. columns .. ")(%d+):(%D.*)$")
    if before then line = keep(before, number) .. ":" .. rest end
  end
  return (line:gsub("(scenario%.lua:)(%d+)", keep))
end

function shape.of(line)
  line = keep_line_numbers(line)
  line = line:gsub("%S*/", ""):gsub("%(%s+", "(")
  line = line:gsub("%f[%w_]%d[%w.,%%\u{b5}]*", "#")
  line = line:gsub(" [RD] +(#)", " S %1")
  line = line:gsub("%f[%S][-+]#", "#"):gsub("%f[%S]%.%f[%s]", "#")
  return (line:gsub("%s+", " "):gsub("^ ", ""):gsub(" $", ""))
end

-- The expected line as a pattern for shapes.
local function pattern_of(line)
  local parts = {}
  local from = 1
  repeat
    local first, last = line:find("...", from, true)
    parts[#parts + 1] = shape.of(line:sub(from, first and first - 1)):gsub("%W", "%%%0")
    from = last and last + 1
  until not from
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
