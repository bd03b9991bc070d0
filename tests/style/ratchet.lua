-- SPDX-License-Identifier: MIT
-- The exceptions: what was wrong when a rule was made, and may only shrink.
-- They are a table [rule][key] = how much; the key is a file, a function or a
-- module. A string instead of a number says why it stays as it is.
local source = require "source"

local M = { PATH = "tests/style/exceptions.lua" }

local HEADER = [[
-- SPDX-License-Identifier: MIT
-- What was wrong when a rule of the style test was made: [rule][key] = how much.
-- Numbers may only shrink; style.lua --update lowers them. A string instead of
-- a number is the reason why something stays as it is, and is written by hand.
]]

local function sorted_keys(t)
  local keys = {}
  for key in pairs(t) do keys[#keys + 1] = key end
  table.sort(keys)
  return keys
end

-- No file: no exceptions.
function M.read(path)
  local text = source.read_file(path)
  return text and assert(load(text, "@" .. path, "t", {}))() or {}
end

function M.write(path, exceptions)
  local f = assert(io.open(path, "w"))
  f:write(HEADER, "return {\n")
  for _, rule in ipairs(sorted_keys(exceptions)) do
    f:write(("  [%q] = {\n"):format(rule))
    for _, key in ipairs(sorted_keys(exceptions[rule])) do
      f:write(("    [%q] = %q,\n"):format(key, exceptions[rule][key]))
    end
    f:write "  },\n"
  end
  f:write "}\n"
  f:close()
end

-- How much was found: [rule][key].
local function add_up(findings)
  local sums = {}
  for _, finding in ipairs(findings) do
    local keys = sums[finding.rule] or {}
    sums[finding.rule] = keys
    keys[finding.key] = (keys[finding.key] or 0) + finding.number
  end
  return sums
end

-- The exceptions without what is gone and with what shrank; and with all that
-- is new or has grown if ACCEPT.
function M.update(exceptions, findings, accept)
  local new = {}
  for rule, keys in pairs(add_up(findings)) do
    for key, found in pairs(keys) do
      local old = (exceptions[rule] or {})[key]
      local value = old
      if type(old) == "number" and found < old or accept and type(old) ~= "string" then
        value = found
      end
      if value then
        new[rule] = new[rule] or {}
        new[rule][key] = value
      end
    end
  end
  return new
end

-- The line of exceptions.lua where KEY of RULE stands.
local function find_line(text, rule, key)
  local number, in_rule = 0, false
  for line in text:gmatch "([^\n]*)\n" do
    number = number + 1
    if line:match "^  %[" then
      in_rule = line:find(("[%q]"):format(rule), 1, true)
    elseif in_rule and line:find(("[%q]"):format(key), 1, true) then
      return number
    end
  end
  return 1
end

local function judge_exception(rule, key, old, found, paths)
  local what = ("%s of %s: "):format(rule, key)
  local path = key:match "^[^:]*%.[%w]+"
  if found == 0 and path and not paths[path] then
    return what .. "there is no such file; delete the line"
  elseif found == 0 then
    return what .. "it is as it should be now; delete the line"
  elseif type(old) == "number" and found < old then
    return what .. ("it is better now; lower the number from %d to %d"):format(old, found)
  end
end

-- What is wrong and no exception, and exceptions that are too large, as text.
function M.compare(exceptions, findings, files, path)
  local sums, problems, paths = add_up(findings), {}, {}
  for _, file in ipairs(files) do paths[file.path] = true end
  table.sort(findings, function(a, b)
    if a.path ~= b.path then return a.path < b.path end
    if a.line ~= b.line then return a.line < b.line end
    return a.text < b.text
  end)
  for _, finding in ipairs(findings) do
    local old = (exceptions[finding.rule] or {})[finding.key]
    local found = sums[finding.rule][finding.key]
    if not old or type(old) == "number" and found > old then
      problems[#problems + 1] = ("%s:%d: %s [%s%s]"):format(finding.path,
        finding.line, finding.text, finding.rule,
        old and (": %d, %d allowed"):format(found, old) or "")
    end
  end
  local text = source.read_file(path) or ""
  for _, rule in ipairs(sorted_keys(exceptions)) do
    for _, key in ipairs(sorted_keys(exceptions[rule])) do
      local found = (sums[rule] or {})[key] or 0
      local problem = judge_exception(rule, key, exceptions[rule][key], found, paths)
      if problem then
        problems[#problems + 1] = ("%s:%d: %s"):format(M.PATH,
          find_line(text, rule, key), problem)
      end
    end
  end
  return problems
end

return M
