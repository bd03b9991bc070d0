-- SPDX-License-Identifier: MIT
-- Reads JSON (RFC 8259) that somebody has sent: any bytes.
--
-- json.lua() -> json
-- json.read(text) -> value | nil, what is wrong and where
--
-- Objects and arrays become tables; json.null stands for null; a number that is
-- written without a point and an exponent is an integer if it fits.

local json = {}
json.null = setmetatable({}, { __tostring = function() return "null" end })

local DEPTH_MAX = 32
local text, at -- what is read, and the next byte

local function fail(what) error(("%s at byte %d"):format(what, at), 0) end

local function skipSpace() at = text:find("[^ \t\r\n]", at) or #text + 1 end

local ESCAPES = { ['"'] = '"', ["\\"] = "\\", ["/"] = "/", b = "\b", f = "\f", n = "\n", r = "\r", t = "\t" }

-- The code behind \u, and the place behind it.
local function readCode(from)
  local digits = text:match("^%x%x%x%x", from)
  if not digits then fail("a bad \\u in a string") end
  return tonumber(digits, 16), from + 4
end

local function readUnicode(from)
  local code, behind = readCode(from)
  if code >= 0xd800 and code < 0xdc00 and text:sub(behind, behind + 1) == "\\u" then
    local low, next = readCode(behind + 2)
    if low >= 0xdc00 and low < 0xe000 then
      return utf8.char(0x10000 + ((code - 0xd800) << 10) + low - 0xdc00), next
    end
  end
  return utf8.char(code >= 0xd800 and code < 0xe000 and 0xfffd or code), behind
end

local function readString()
  local parts, from = {}, at + 1
  while true do
    local stop = text:find('[%c"\\]', from)
    if not stop then fail("a string without its end") end
    parts[#parts + 1] = text:sub(from, stop - 1)
    local c = text:sub(stop, stop)
    if c == '"' then
      at = stop + 1
      return table.concat(parts)
    elseif c ~= "\\" then
      at = stop
      fail("a control character in a string")
    end
    local escape = text:sub(stop + 1, stop + 1)
    if escape == "u" then
      parts[#parts + 1], from = readUnicode(stop + 2)
    else
      at = stop
      parts[#parts + 1] = ESCAPES[escape] or fail("an unknown escape in a string")
      from = stop + 2
    end
  end
end

local function readNumber()
  local digits = text:match("^%-?%d+", at)
  if not digits or digits:find("^%-?0%d") then fail("a value was expected") end
  local rest = at + #digits
  local fraction = text:match("^%.%d+", rest) or ""
  local power = text:match("^[eE][+-]?%d+", rest + #fraction) or ""
  at = rest + #fraction + #power
  return tonumber(digits .. fraction .. power)
end

local readValue

local function readArray(depth)
  local list = {}
  at = at + 1
  skipSpace()
  if text:sub(at, at) == "]" then
    at = at + 1
    return list
  end
  while true do
    list[#list + 1] = readValue(depth)
    skipSpace()
    local c = text:sub(at, at)
    if c ~= "," and c ~= "]" then fail("',' or ']' was expected") end
    at = at + 1
    if c == "]" then return list end
  end
end

local function readMember(object, depth)
  skipSpace()
  if text:sub(at, at) ~= '"' then fail("a key was expected") end
  local key = readString()
  skipSpace()
  if text:sub(at, at) ~= ":" then fail("':' was expected") end
  at = at + 1
  object[key] = readValue(depth)
end

local function readObject(depth)
  local object = {}
  at = at + 1
  skipSpace()
  if text:sub(at, at) == "}" then
    at = at + 1
    return object
  end
  while true do
    readMember(object, depth)
    skipSpace()
    local c = text:sub(at, at)
    if c ~= "," and c ~= "}" then fail("',' or '}' was expected") end
    at = at + 1
    if c == "}" then return object end
  end
end

local WORDS = { ["true"] = true, ["false"] = false, null = json.null }

function readValue(depth)
  if depth > DEPTH_MAX then fail("too many arrays and objects in each other") end
  skipSpace()
  local c = text:sub(at, at)
  if c == '"' then return readString() end
  if c == "[" then return readArray(depth + 1) end
  if c == "{" then return readObject(depth + 1) end
  local word = text:match("^%l+", at)
  if word and WORDS[word] ~= nil then
    at = at + #word
    return WORDS[word]
  end
  return readNumber()
end

local function readAll()
  local value = readValue(1)
  skipSpace()
  if at <= #text then fail("something follows the end") end
  return value
end

function json.read(bytes)
  text, at = bytes, 1
  local ok, value = pcall(readAll)
  text = nil
  if ok then return value end
  return nil, tostring(value)
end

return json
