-- SPDX-License-Identifier: MIT
-- Reads JSON.
--
-- json.lua() -> read(text) -> value | nil, message
--
-- null is nil, so a key that is null is missing. Whole numbers are integers.

local DEPTH_MAX = 100

local ESCAPES = { ['"'] = '"', ["\\"] = "\\", ["/"] = "/", b = "\b", f = "\f", n = "\n", r = "\r", t = "\t" }

local text, at -- what is read, and how far

local function fail(what) error({ ("JSON, byte %d: %s"):format(at, what) }, 0) end

local function skipSpace() at = text:find("[^ \t\r\n]", at) or #text + 1 end

local function readCodePoint(hex)
  local code = tonumber(hex, 16)
  local low = code >= 0xD800 and code < 0xDC00 and text:match("^\\u([Dd][C-Fc-f]%x%x)", at)
  if low then
    at = at + 6
    code = 0x10000 + (code - 0xD800) * 0x400 + tonumber(low, 16) - 0xDC00
  elseif code >= 0xD800 and code < 0xE000 then
    code = 0xFFFD -- half of a pair
  end
  return utf8.char(code)
end

local function readText()
  local parts = {}
  at = at + 1
  while true do
    local plain = text:match('^[^"\\%c]*', at)
    parts[#parts + 1], at = plain, at + #plain
    local c = text:sub(at, at)
    if c == '"' then
      at = at + 1
      return table.concat(parts)
    elseif c ~= "\\" then
      fail("a string doesn't end")
    end
    local kind, hex = text:sub(at + 1, at + 1), text:match("^u(%x%x%x%x)", at + 1)
    if hex then
      at = at + 6
      parts[#parts + 1] = readCodePoint(hex)
    else
      parts[#parts + 1] = ESCAPES[kind] or fail("unknown escape")
      at = at + 2
    end
  end
end

local function readNumber()
  local digits = text:match("^-?%d[%d.eE+-]*", at)
  local number = digits and tonumber(digits)
  if not number then fail("no value") end
  at = at + #digits
  return number
end

local readValue

local function expect(c)
  skipSpace()
  if text:sub(at, at) ~= c then fail(("'%s' is missing"):format(c)) end
  at = at + 1
end

-- The items between an opening bracket and CLOSE, each read by READ.
local function readItems(close, read)
  at = at + 1
  skipSpace()
  if text:sub(at, at) == close then
    at = at + 1
    return
  end
  while true do
    read()
    skipSpace()
    local c = text:sub(at, at)
    if c == close then
      at = at + 1
      return
    end
    expect ","
  end
end

local function readObject(depth)
  local object = {}
  readItems("}", function()
    skipSpace()
    if text:sub(at, at) ~= '"' then fail("no key") end
    local key = readText()
    expect ":"
    object[key] = readValue(depth)
  end)
  return object
end

local function readArray(depth)
  local array, n = {}, 0
  readItems("]", function()
    n = n + 1
    array[n] = readValue(depth)
  end)
  return array
end

local WORDS = { t = { "true", true }, f = { "false", false }, n = { "null", nil } }

function readValue(depth)
  if depth == DEPTH_MAX then fail("too deep") end
  skipSpace()
  local c = text:sub(at, at)
  if c == "{" then return readObject(depth + 1) end
  if c == "[" then return readArray(depth + 1) end
  if c == '"' then return readText() end
  local word = WORDS[c]
  if not word then return readNumber() end
  if text:sub(at, at + #word[1] - 1) ~= word[1] then fail("no value") end
  at = at + #word[1]
  return word[2]
end

return function(json)
  text, at = json, 1
  local ok, value = pcall(readValue, 0)
  if not ok then
    if type(value) ~= "table" then error(value, 0) end
    return nil, value[1]
  end
  skipSpace()
  if at <= #text then return nil, ("JSON, byte %d: something behind the end"):format(at) end
  return value
end
