-- SPDX-License-Identifier: MIT
-- What a request is to a scenario. src/scenario/request.c makes it, a table of what
-- most scripts ask for; the rest is made when a script asks for it, and is kept in
-- the table. Any other name that a request doesn't have is a typing mistake.
--
-- request.lua(host) -> { meta, parseQuery }
--   meta              the metatable of requests
--   parseQuery(raw)   "a=1&b=2" -> { a = "1", b = "2" }; of equal names the first

local host = ...

-- ---- the query ---------------------------------------------------------------

local function unescape(s)
  s = s:gsub("+", " ")
  s = s:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end)
  return s
end

local function parseQuery(raw)
  local query = {}
  for pair in raw:gmatch("[^&]+") do
    local key, value = pair:match("^([^=]*)=?(.*)$")
    key = unescape(key)
    if query[key] == nil then query[key] = unescape(value) end
  end
  return query
end

-- ---- the headers -------------------------------------------------------------

-- A header that isn't there is nil. A name in capitals would always be, so it is an
-- error.
local function findHeader(headers, name)
  local value = headers[name]
  if value == nil and type(name) == "string" and name:find("%u") then
    error(("names of headers are in lower case here: '%s'"):format(name:lower()), 3)
  end
  return value
end

local function makeHeaders(headers)
  return setmetatable({}, {
    __index = function(_, name) return (findHeader(headers, name)) end,
    __newindex = function() error("the headers of a request are read-only", 2) end,
    __pairs = function(t) return function(_, name) return next(headers, name) end, t, nil end,
    __name = "headers",
    __metatable = false,
  })
end

-- ---- the request -------------------------------------------------------------

-- WHAT host[WHAT] says of the request, which knows it until it has its answer.
local function askHost(req, what)
  local value = host[what](req.id)
  if value == nil then error(("request id %s has its answer already"):format(req.id), 4) end
  return value
end

local function canceled(req) return host.request_left(req.id) end

local makers = {
  query = function(req) return parseQuery(req.raw_query) end,
  headers = function(req) return (makeHeaders(askHost(req, "request_headers"))) end,
  remote_address = function(req) return (askHost(req, "request_remote")) end, -- no tail call: error counts levels
  canceled = function() return canceled end,
}

local keys = { "method", "path", "raw_query", "query", "body", "id", "headers", "remote_address", "canceled" }
local known = {}
for _, key in ipairs(keys) do known[key] = true end

local meta = {
  __metatable = false,
  __index = function(req, key)
    local make = makers[key]
    if not make then
      key = tostring(key)
      error(("a request has no '%s'%s"):format(key, host.did_you_mean(key, known)), 2)
    end
    local value = make(req)
    req[key] = value
    return value
  end,
}

return { meta = meta, parseQuery = parseQuery }
