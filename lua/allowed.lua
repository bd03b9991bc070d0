-- SPDX-License-Identifier: MIT
-- What the author of a scenario allows, by comments:
--
--   -- check: allow(RULE) reason          on that line or the one before it
--   <!-- check: allow(RULE) reason -->     anywhere in a document
--
-- allowed.lua(host) -> allowed
-- allowed.keep(findings) -> findings     check.lua's

local host = ...
local allowed = {}

-- line -> { [rule] = true }, from the comments of TEXT.
local function readComments(text, isDocument)
  if isDocument then
    local everywhere = {}
    for rule in text:gmatch("<!%-%-%s*check:%s*allow%(([%w_]+)%)%s*%S") do everywhere[rule] = true end
    return setmetatable({}, { __index = function() return everywhere end })
  end
  local lines, n = {}, 0
  for line in (text .. "\n"):gmatch("(.-)\n") do
    n = n + 1
    for rule in line:gmatch("%-%-%s*check:%s*allow%(([%w_]+)%)%s*%S") do
      lines[n] = lines[n] or {}
      lines[n][rule] = true
      lines[n + 1] = lines[n + 1] or {}
      lines[n + 1][rule] = true
    end
  end
  return lines
end

-- Those of FINDINGS that no comment allows, in the order of files and lines.
function allowed.keep(findings)
  local files, kept = {}, {}
  for _, f in ipairs(findings) do
    files[f.file] = files[f.file] or readComments(host.read(f.file) or "", f.file:find("%.md$"))
    local at = files[f.file][f.line]
    if not (at and at[f.rule]) then kept[#kept + 1] = f end
  end
  table.sort(kept, function(a, b)
    if a.file ~= b.file then return a.file < b.file end
    if a.line ~= b.line then return a.line < b.line end
    return a.text < b.text
  end)
  return kept
end

return allowed
