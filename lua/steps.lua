-- SPDX-License-Identifier: MIT
-- Scenarios on disk: finding them, checking what they say, loading them.
-- A scenario is a folder NN-slug with a scenario.lua that returns a table.
--
-- steps.lua(host, make_environment) -> steps

local host, makeEnvironment = ...
local steps = {}

-- ---- finding -----------------------------------------------------------------

local function addFolder(found, dir, name)
  local number, slug = name:match("^(%d%d?%d?%d?)%-([%w_-]+)$")
  if not number then return end
  local entry = { number = tonumber(number), slug = slug, dir = dir .. "/" .. name }
  entry.file = entry.dir .. "/scenario.lua"
  if not host.read(entry.file) then return end
  local same = found[entry.number]
  if not same then
    found[entry.number] = entry
  elseif same.root == dir then
    same.clash = entry.dir
  end
  entry.root = dir
end

-- All scenarios by number. A number in an earlier --scenarios folder hides the
-- same number in a later one; twice in one folder is a clash.
function steps.list()
  local found = {}
  for _, dir in ipairs(host.dirs) do
    local names = host.scan(dir)
    for _, name in ipairs(names or {}) do addFolder(found, dir, name) end
  end
  return found
end

-- ---- checking ----------------------------------------------------------------

-- The line on which KEY is set, as far as the text shows it.
local function lineOf(text, key)
  local n = 0
  for line in (text .. "\n"):gmatch("(.-)\n") do
    n = n + 1
    local code = line:gsub("%-%-.*", "")
    if code:find("%f[%w_]" .. key:gsub("%W", "%%%0") .. "%f[^%w_]%s*%]?%s*=") then return n end
  end
  return 1
end

local function list(check, what)
  return function(v)
    if type(v) ~= "table" then return false, "a list of " .. what end
    local n = 0
    for i, item in pairs(v) do
      if math.type(i) ~= "integer" or not check(item) then return false, "a list of " .. what end
      n = n + 1
    end
    return n == #v, "a list of " .. what
  end
end

local function is(kind)
  return function(v) return type(v) == kind, "a " .. kind end
end

local isString, isFunction = is "string", is "function"

local function isCount(least, most)
  return function(v)
    return math.type(v) == "integer" and v >= least and v <= most,
      ("a whole number from %d to %s"):format(least, most == math.maxinteger and "any" or most)
  end
end

local function isParams(v)
  local want = 'like { size = { 10000000, "bytes copied per request" } }'
  if type(v) ~= "table" then return false, want end
  for key, param in pairs(v) do
    if type(key) ~= "string" or not key:find("^[%a_][%w_]*$") or key == "step" then
      return false, want
    end
    if type(param) ~= "table" or type(param[2]) ~= "string" then return false, want end
    local kind = type(param[1])
    if kind ~= "number" and kind ~= "string" and kind ~= "boolean" then return false, want end
  end
  return true
end

local units = { [""] = 1, B = 1, KB = 1e3, MB = 1e6, GB = 1e9, KiB = 1 << 10, MiB = 1 << 20, GiB = 1 << 30 }

-- "1GiB", "10MB" or a number: bytes; nil for anything else.
local function bytes(v)
  if math.type(v) == "integer" and v > 0 then return v end
  if type(v) ~= "string" then return nil end
  local number, unit = v:match("^(%d+%.?%d*)%s*(%a*)$")
  local n = number and units[unit] and tonumber(number) * units[unit]
  return n and n < 2 ^ 60 and math.floor(n)
end

local function isLimits(v)
  local want = 'like { memory = "1GiB", fds = 512 }'
  if type(v) ~= "table" then return false, want end
  for key, value in pairs(v) do
    local good = key == "memory" and bytes(value)
      or key == "fds" and (isCount(1, 1 << 20)(value) or type(value) == "string")
    if not good then return false, want end
  end
  return true
end

local ours = { ["/goto"] = true, ["/metrics"] = true, ["/status"] = true }

local function isRoutes(v)
  local want = 'like { ["/report"] = function(self, req) ... end }'
  if type(v) ~= "table" then return false, want end
  local n = 0
  for path, route in pairs(v) do
    n = n + 1
    if type(path) ~= "string" or not path:find("^/[%w_./-]+$") or #path > 63 or n > 32
      or ours[path] or path:find("^/debug") or path:find("^/pprof") or path:find("^/lab/")
      or type(route) ~= "function" then
      return false, want .. ", not /goto, /metrics, /status, /debug, /pprof or /lab"
    end
  end
  return true
end

local expectations = {
  requests = isCount(1, 100000), top = isString, under = isString, share = is "number",
  grows = isString, ratio = isString, empty = is "boolean", is = is "number",
}

-- An expectation's own shape; what it means is the business of the test.
local function isExpect(v)
  local want = 'like { requests = 5, { "heap.inuse_space", top = "lab_buffer_grow", share = 0.6 } }'
  if type(v) ~= "table" then return false, want end
  for key, item in pairs(v) do
    if key == "requests" then
      if not expectations.requests(item) then return false, want end
    elseif math.type(key) ~= "integer" or type(item) ~= "table" or type(item[1]) ~= "string" then
      return false, want
    else
      for k, value in pairs(item) do
        local check = expectations[k]
        if k ~= 1 and not (check and check(value)) then return false, want end
      end
    end
  end
  return true
end

local function isDiagnosis(v)
  local want = 'like { kind = "memory leak", where = "leakMemory", accept = { "buffer" } }'
  if type(v) ~= "table" then return false, want end
  for key, value in pairs(v) do
    if key == "accept" then
      if not list(isString, "strings")(value) then return false, want end
    elseif (key ~= "kind" and key ~= "where") or type(value) ~= "string" then
      return false, want
    end
  end
  return v.kind ~= nil and v.where ~= nil, want
end

local keys = {
  title = isString, symptom = isString,
  difficulty = isCount(1, 5), minutes = isCount(1, 1000),
  params = isParams, limits = isLimits, routes = isRoutes,
  enter = isFunction, request = isFunction, leave = isFunction,
  hints = list(isString, "strings"), expect = isExpect, diagnosis = isDiagnosis,
}

local function knownKeys()
  local names = {}
  for key in pairs(keys) do names[#names + 1] = key end
  table.sort(names)
  return table.concat(names, ", ")
end

-- The first thing wrong with what scenario.lua returned, as "file:line: text".
local function problemOf(scenario, entry, text)
  local function at(key, message)
    return ("%s:%d: %s"):format(entry.file, key and lineOf(text, key) or 1, message)
  end
  if type(scenario) ~= "table" or getmetatable(scenario) ~= nil then
    return at(nil, "a scenario returns one plain table, not a " .. type(scenario))
  end
  for key, value in pairs(scenario) do
    local check = keys[key]
    if not check then
      return at(tostring(key), ("unknown key '%s'; known are %s"):format(key, knownKeys()))
    end
    local good, want = check(value)
    if not good then return at(key, ("%s must be %s"):format(key, want)) end
  end
  if not scenario.request then return at(nil, "request is missing: function(self, req) ... end") end
  return nil
end

-- ---- parameters --------------------------------------------------------------

local function parse(word, default)
  if type(default) == "string" then return word end
  if type(default) == "boolean" then
    if word == "true" or word == "1" then return true end
    if word == "false" or word == "0" then return false end
    return nil, "true or false"
  end
  local number = tonumber(word)
  if math.type(default) == "integer" then
    number = number and math.tointeger(number)
    return number, "a whole number"
  end
  return number, "a number"
end

local function setParam(values, declared, name, word)
  if not declared[name] then
    local known = {}
    for key in pairs(declared) do known[#known + 1] = key end
    table.sort(known)
    return ("unknown parameter '%s'; known are: %s"):format(name, table.concat(known, ", "))
  end
  local value, want = parse(word, declared[name][1])
  if value == nil then return ("parameter %s: '%s' is not %s"):format(name, word, want) end
  values[name] = value
end

-- Defaults, then --param N.key=value, then what /goto was given. Returns the
-- values, or nil and a message.
local function paramValues(declared, number, overrides)
  local values = {}
  for name, param in pairs(declared) do values[name] = param[1] end
  for _, option in ipairs(host.params) do
    local step, name, word = option:match("^(%d+)%.([%a_][%w_]*)=(.*)$")
    if tonumber(step) == number then
      local problem = setParam(values, declared, name, word)
      if problem then return nil, "--param " .. option .. ": " .. problem end
    end
  end
  for name, word in pairs(overrides) do
    local problem = setParam(values, declared, name, word)
    if problem then return nil, problem end
  end
  return values
end

-- limits as numbers, 0 where there is none: bytes, descriptors. The latter may
-- be the name of a parameter.
local function limitsOf(scenario)
  local limits = scenario.limits or {}
  local fds = limits.fds or 0
  if type(fds) == "string" then fds = scenario.params[fds] end
  return bytes(limits.memory or 0) or 0, isCount(0, 1 << 20)(fds) and fds or nil
end

-- ---- loading -----------------------------------------------------------------

-- Runs scenario.lua and checks its table. Returns the table and its limits, or
-- nil, a status for HTTP and a message.
function steps.load(entry, overrides)
  local file = host.realpath(entry.file) or entry.file
  entry.file = file
  local text, message = host.read(file)
  if not text then return nil, 500, message end
  local env = makeEnvironment(file:match("^(.*)/"), entry.slug)
  local chunk, problem = host.compile(text, file, entry.slug, env)
  if not chunk then return nil, 500, problem end
  host.own(false)
  host.loading(true)
  local ok, scenario = xpcall(chunk, host.traceback)
  host.loading(false)
  host.own(true)
  if not ok then return nil, 500, scenario end
  problem = problemOf(scenario, entry, text)
  if problem then return nil, 500, problem end
  local values, wrong = paramValues(scenario.params or {}, entry.number, overrides)
  if not values then return nil, 400, wrong end
  scenario.params = values
  local memory, fds = limitsOf(scenario)
  if not fds then
    return nil, 400, "limits.fds: a number of descriptors, or the name of a parameter that is one"
  end
  return scenario, memory, fds
end

return steps
