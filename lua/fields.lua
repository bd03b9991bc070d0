-- SPDX-License-Identifier: MIT
-- Reading a table by a description of its fields: what is wrong is noted with the
-- way to it, and what is right is kept.
--
-- fields.lua(host) -> fields
-- fields.read(check, value) -> what CHECK made of VALUE, problems
--
-- A check is a function that takes a value and returns what is kept of it; it calls
-- fields.complain(rule, text, ...) for what is wrong. A problem is { path = {
-- "expect", 2, "share" }, rule = "claim", text = "..." }; the text goes on where
-- "expect[2].share: " ends.

local host = ...
local fields = {}

local problems, path -- of what is read

function fields.complain(rule, text, ...)
  problems[#problems + 1] = { path = table.move(path, 1, #path, 1, {}), rule = rule, text = text:format(...) }
end

-- Calls CHECK(value, ...) for the field KEY of what is read at the moment.
function fields.at(key, check, ...)
  path[#path + 1] = key
  local result = check(...)
  path[#path] = nil
  return result
end

function fields.sortedKeys(t)
  local names = {}
  for key in pairs(t) do names[#names + 1] = tostring(key) end
  table.sort(names)
  return names
end

-- LIST may be nil.
function fields.contains(list, word)
  for _, item in ipairs(list or {}) do
    if item == word then return true end
  end
  return false
end

-- ---- functions by their names ---------------------------------------------------

-- Is the function that profiles print as FULL what a lesson calls NAME? What stands
-- behind a dot is enough (src/pprof/query.c).
function fields.isCalled(full, name) return full == name or full:sub(-#name - 1) == "." .. name end

-- "counter.countRequest", or of a file that it includes "counter/store.countRequest" ->
-- "countRequest"; nil for what isn't SLUG's.
function fields.ownName(full, slug)
  if full:sub(1, #slug) ~= slug then return nil end
  return full:match("^%.(.*)", #slug + 1) or full:match("^/[%w_-]+%.(.*)", #slug + 1)
end

-- May a lesson mean the same function by A and by B?
function fields.areOne(a, b) return fields.isCalled(a, b) or fields.isCalled(b, a) end

-- Does LIST, which may be nil, name the function NAME?
function fields.names(list, name)
  for _, item in ipairs(list or {}) do
    if fields.areOne(item, name) then return true end
  end
  return false
end

-- ---- problems -----------------------------------------------------------------

function fields.complainUnknown(rule, what, name, known)
  local meant = host.did_you_mean(tostring(name), known)
  fields.complain(rule, "unknown %s '%s'%s", what, name, meant ~= "" and meant or "; known are: " ..
    table.concat(fields.sortedKeys(known), ", "))
end

-- ---- simple values -------------------------------------------------------------

function fields.text(v)
  if type(v) == "string" and v:find("%S") then return v end
  fields.complain("type", type(v) == "string" and "is empty" or "must be a string, not a %s", type(v))
end

function fields.flag(v)
  if type(v) == "boolean" then return v end
  fields.complain("type", "must be true or false, not a %s", type(v))
end

function fields.count(least, most)
  return function(v)
    if math.type(v) == "integer" and v >= least and v <= most then return v end
    fields.complain("type", "must be a whole number from %d to %d", least, most)
  end
end

function fields.positive(v)
  if type(v) == "number" and v > 0 and v < 1e9 then return v end
  fields.complain("type", "must be a number above 0")
end

-- Calls CHECK for each item of the list V, in order; COMPLAIN for keys of another
-- kind. What CHECK made of them, without holes: whoever walks such a list ends at one.
local function readItems(v, check, complain)
  local keys, out = {}, {}
  for key in pairs(v) do
    if math.type(key) == "integer" then keys[#keys + 1] = key else complain(key) end
  end
  table.sort(keys)
  for _, key in ipairs(keys) do out[#out + 1] = fields.at(key, check, v[key]) end
  return out
end

-- "a", or { "a", "b" }: always a list, of what CHECK returns for each word; nil, if
-- nothing is left of it.
function fields.wordsOf(check)
  return function(v)
    if type(v) == "string" then
      local word = check(v)
      return word and { word }
    end
    if type(v) ~= "table" or #v == 0 then
      fields.complain("type", 'must be a string, or a list of them: { "a", "b" }')
      return nil
    end
    local list = readItems(v, check, function(key)
      fields.complain("type", "must be a list, without the key '%s'", key)
    end)
    return list[1] and list
  end
end

fields.words = fields.wordsOf(fields.text)

function fields.tags(v)
  if type(v) ~= "table" then
    fields.complain("type", 'must be like { state = "chan receive" }')
    return nil
  end
  local out, n = {}, 0
  for key, value in pairs(v) do
    out[tostring(key)] = tostring(value)
    n = n + 1
  end
  if n ~= 1 then fields.complain("type", "has %d labels; one is possible", n) end
  return out
end

-- Reads the fields of V that SHAPE knows, by their checks, in the order of their
-- names so that messages are the same each time.
function fields.object(v, shape, what)
  if type(v) ~= "table" then
    fields.complain("type", "must be a table, not a %s", type(v))
    return nil
  end
  local out = {}
  for _, name in ipairs(fields.sortedKeys(v)) do
    local value = v[name]
    local check = shape[name]
    if not check then
      local key = value == nil and tonumber(name) or name
      fields.at(key, fields.complainUnknown, "key", what, name, shape)
    else
      out[name] = fields.at(name, check, value)
    end
  end
  return out
end

-- A list of at least one item, each read by CHECK.
function fields.listOf(check, what)
  return function(v)
    if type(v) ~= "table" or (#v == 0 and next(v) ~= nil) then
      fields.complain("type", "must be a list of %s", what)
      return nil
    end
    return readItems(v, check, function(key)
      fields.at(key, fields.complain, "key", "this is a list of %s, without keys", what)
    end)
  end
end

-- The present way to what is read, as a list of its own.
function fields.path() return table.move(path, 1, #path, 1, {}) end

-- "expect[2].share"
function fields.pathText(list)
  local out = ""
  for i, key in ipairs(list) do
    out = out .. (math.type(key) == "integer" and ("[%d]"):format(key) or (i > 1 and "." or "") .. tostring(key))
  end
  return out
end

function fields.read(check, value)
  problems, path = {}, {}
  local kept = check(value)
  local found = problems
  problems, path = nil, nil
  return kept, found
end

return fields
