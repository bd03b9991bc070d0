-- SPDX-License-Identifier: MIT
-- Data as text: a table as the Lua chunk that makes it (which host.data reads),
-- or as JSON. Both are the same each time: keys are in order.
--
-- data.lua(host) -> data

local host = ...
local data = {}

-- The keys of T: 1 to #t, then the others in the order of their names.
local function keysInOrder(t)
  local others = {}
  for key in pairs(t) do
    if math.type(key) ~= "integer" or key < 1 or key > #t then others[#others + 1] = key end
  end
  table.sort(others, function(a, b) return tostring(a) < tostring(b) end)
  local i = 0
  return function()
    i = i + 1
    if i <= #t then return i end
    return others[i - #t]
  end
end

local function writeLua(v, out)
  local kind = type(v)
  if kind == "string" then
    out[#out + 1] = ("%q"):format(v):gsub("\\\n", "\\n")
  elseif kind == "number" then
    out[#out + 1] = ("%q"):format(v)
  elseif kind == "boolean" or kind == "nil" then -- a list may have holes
    out[#out + 1] = tostring(v)
  elseif kind == "table" then
    out[#out + 1] = "{"
    for key in keysInOrder(v) do
      if math.type(key) ~= "integer" or key < 1 or key > #v then
        out[#out + 1] = "["
        writeLua(key, out)
        out[#out + 1] = "]="
      end
      writeLua(v[key], out)
      out[#out + 1] = ","
    end
    out[#out + 1] = "}"
  else
    error("data has no " .. kind)
  end
end

-- V as a chunk: "return {...}".
function data.chunk(v)
  local out = { "return " }
  writeLua(v, out)
  return table.concat(out)
end

-- A table that JSON shows as a list, also when it is empty.
local list = {}
function data.list(t) return setmetatable(t, list) end

local function writeJson(v, out)
  local kind = type(v)
  if kind == "string" then
    out[#out + 1] = host.json_string(v)
  elseif kind == "number" then
    local finite = v == v and v > -math.huge and v < math.huge
    out[#out + 1] = not finite and "null" or math.type(v) == "integer" and tostring(v) or ("%.15g"):format(v)
  elseif kind == "table" then
    local isList = getmetatable(v) == list or #v > 0
    out[#out + 1] = isList and "[" or "{"
    for key in keysInOrder(v) do
      if out[#out] ~= "[" and out[#out] ~= "{" then out[#out + 1] = ", " end
      if not isList then out[#out + 1] = host.json_string(tostring(key)) .. ": " end
      writeJson(v[key], out)
    end
    out[#out + 1] = isList and "]" or "}"
  else
    out[#out + 1] = v == nil and "null" or tostring(v)
  end
end

function data.json(v)
  local out = {}
  writeJson(v, out)
  return table.concat(out)
end

return data
