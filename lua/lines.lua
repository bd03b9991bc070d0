-- SPDX-License-Identifier: MIT
-- On which line of a file each key of the table stands that the file returns, so
-- that a message can name it.
--
-- lines.lua: lines.find(text) -> line_of
-- line_of("expect", 2, "share") -> the line of that key; of the innermost key on
-- the way to it that can be found, if the table is not written there; 1 at last.

local lines = {}

-- ---- words ---------------------------------------------------------------------

local OPENS = { ["function"] = true, ["if"] = true, ["do"] = true, ["repeat"] = true }
local OPERATORS = { "...", "..", "==", "~=", "<=", ">=", "//", "::", "<<", ">>" } -- of more than one character
local CLOSES = { ["end"] = true, ["until"] = true }

local function skipLong(text, at)
  local level = text:match("^%[(=*)%[", at)
  if not level then return nil end
  local _, last = text:find("]" .. level .. "]", at, true)
  return (last or #text) + 1
end

local function skipString(text, at)
  local quote, i = text:sub(at, at), at + 1
  while i <= #text do
    local c = text:sub(i, i)
    if c == "\\" and text:sub(i + 1, i + 1) == "z" then
      i = text:find("%S", i + 2) or #text + 1
    elseif c == "\\" then
      i = i + 2
    elseif c == quote or c == "\n" then
      break
    else
      i = i + 1
    end
  end
  return i + 1
end

-- Where the token at AT, which is no space, ends, and what it is: "word",
-- "string", "comment", or the character itself.
local function token(text, at)
  local c = text:sub(at, at)
  if c:find("[%a_]") then return select(2, text:find("^[%w_]+", at)) + 1, "word" end
  if text:find("^%-%-", at) then
    return skipLong(text, at + 2) or (text:find("\n", at, true) or #text + 1), "comment"
  end
  if c == '"' or c == "'" then return skipString(text, at), "string" end
  if c == "[" and skipLong(text, at) then return skipLong(text, at), "string" end
  local _, number = text:find("^%.?%d[%w_.]*", at)
  if number then return number + 1, "number" end
  for _, operator in ipairs(OPERATORS) do
    if text:sub(at, at + #operator - 1) == operator then return at + #operator, operator end
  end
  return at + 1, c
end

-- All tokens of TEXT but comments: { kind, text, line }, in order.
function lines.scan(text)
  local list, at, line = {}, 1, 1
  while true do
    local from = text:find("%S", at)
    local upTo = from or #text + 1
    for _ in text:sub(at, upTo - 1):gmatch("\n") do line = line + 1 end
    if not from then return list end
    local next_, kind = token(text, from)
    local word = text:sub(from, next_ - 1)
    if kind ~= "comment" then list[#list + 1] = { kind, word, line } end
    for _ in word:gmatch("\n") do line = line + 1 end
    at = next_
  end
end

-- ---- the table -----------------------------------------------------------------

local function unquote(word) return word:match("^[\"'](.*)[\"']$") or word end

-- What TOKENS[i] begins, if it is the key of a field: the key, and where its
-- value begins.
local function keyAt(tokens, i)
  local a, b, c, d = tokens[i], tokens[i + 1], tokens[i + 2], tokens[i + 3]
  if a and a[1] == "word" and b and b[1] == "=" then return a[2], i + 2 end
  if a and a[1] == "[" and c and c[1] == "]" and d and d[1] == "=" then
    if b[1] == "string" then return unquote(b[2]), i + 4 end
    if b[1] == "number" then return math.tointeger(tonumber(b[2])), i + 4 end
  end
end

local LEVELS = 100 -- of tables in tables: what is deeper has no fields

-- Reads the fields of the table whose { is before I; it is in LEVEL others. Returns a node: { line = {
-- [key] = line }, inner = { [key] = node } }, and where the table ended.
local function readTable(tokens, i, level)
  local node, count = { line = {}, inner = {} }, 0
  local depth = 0 -- of blocks and brackets within a value
  local deeper = 0 -- of tables below LEVELS
  local key
  local function begin()
    local named, value = keyAt(tokens, i)
    if not named then
      count = count + 1
      named, value = count, i
    end
    key = named
    if tokens[i] then node.line[key] = node.line[key] or tokens[i][3] end
    i = value
  end
  if tokens[i] and tokens[i][1] ~= "}" then begin() end
  while tokens[i] do
    local kind, word = tokens[i][1], tokens[i][2]
    i = i + 1
    if kind == "{" and level == LEVELS then
      deeper, depth = deeper + 1, depth + 1
    elseif kind == "}" and deeper > 0 then
      deeper, depth = deeper - 1, depth - 1
    elseif kind == "{" then
      local inner
      inner, i = readTable(tokens, i, level + 1)
      if depth == 0 then node.inner[key] = node.inner[key] or inner end
    elseif kind == "}" then
      break
    elseif kind == "(" or kind == "[" or OPENS[word] and kind == "word" then
      depth = depth + 1
    elseif kind == ")" or kind == "]" or CLOSES[word] and kind == "word" then
      depth = depth - 1
    elseif (kind == "," or kind == ";") and depth == 0 then
      if tokens[i] and tokens[i][1] ~= "}" then begin() end
    end
  end
  return node, i
end

-- The last `return {` of the file, which is its own where functions come before.
local function findReturn(tokens)
  local depth, last = 0, nil -- of blocks
  for i, one in ipairs(tokens) do
    local word = one[1] == "word" and one[2]
    if word == "return" and depth == 0 and tokens[i + 1] and tokens[i + 1][1] == "{" then last = i end
    depth = depth + (OPENS[word] and 1 or CLOSES[word] and -1 or 0)
  end
  return last
end

function lines.find(text)
  local tokens = lines.scan(text)
  local at = findReturn(tokens)
  local root = at and readTable(tokens, at + 2, 0)
  return function(...)
    local node, line = root, at and tokens[at][3] or 1
    for i = 1, select("#", ...) do
      local key = select(i, ...)
      if not node or not node.line[key] then break end
      line, node = node.line[key], node.inner[key]
    end
    return line
  end
end

return lines
