-- SPDX-License-Identifier: MIT
-- Scenarios on disk: finds them, runs them, checks what they say. A scenario is a
-- folder NN-slug with a scenario.lua that returns a table.
--
-- What a scenario says wrong is never an error here: the functions return a
-- message for its author, with file and line. They change nothing but what
-- scenario.lua itself does. main.lua calls them to enter a step, catalog.lua for
-- the list of steps, and reader.lua for what the list says of a scenario.
--
-- steps.lua(host, make_environment) -> steps

local host, makeEnvironment = ...
local steps = {}

-- ---- finding -----------------------------------------------------------------

-- "04-export" -> "04", "export"; nil for another kind of name.
local function partsOf(name)
  return name:match("^(%d%d?%d?%d?)%-([%w_-]+)$")
end
steps.parts_of = partsOf

steps.name_rule = "a folder is called NN-slug: 1 to 4 digits, then letters, digits, _ and -"

local function isFolder(name, number)
  return tonumber((partsOf(name))) == number
end

local function addFolder(found, dir, name)
  local number, slug = partsOf(name)
  if not number then return end
  local entry = { number = tonumber(number), slug = slug, dir = dir .. "/" .. name }
  entry.file = entry.dir .. "/scenario.lua"
  if not host.exists(entry.file) then return end
  local same = found[entry.number]
  if not same then
    found[entry.number] = entry
  elseif same.root == dir then
    same.clash = entry.dir
  end
  entry.root = dir
end

-- Why NAME in DIR, which looks as if it were meant for a scenario, isn't found.
local function problemOfName(dir, name)
  local folder = dir .. "/" .. name
  if partsOf(name) then
    local there, problem = host.exists(folder .. "/scenario.lua")
    return not there and problem or nil
  elseif not name:find("^%.") and host.exists(folder .. "/scenario.lua") then
    return folder .. ": " .. steps.name_rule
  end
end

local TELLING = { "^lesson%.lua$", "^fixed", "^answers$", "^SOLUTION" }

-- Does a file of this name in a scenario's folder tell what is wrong? It is hidden from
-- students until the step is solved. LESSON: as lesson.read makes it.
function steps.is_telling(name, lesson)
  if lesson.fixed and lesson.fixed.file == name then return true end
  for _, pattern in ipairs(TELLING) do
    if name:find(pattern) then return true end
  end
  return false
end

-- All scenarios by number; what can't be read is found here, too, and steps.read
-- says why it can't. A number in an earlier --scenarios folder hides the
-- same number in a later one; twice in one folder is a clash. The second result is
-- a list of messages about folders that aren't found, the third why there may be more
-- scenarios, in a folder that can't be read: { status for HTTP, message }, or nil.
function steps.list()
  local found, skipped, unread = {}, {}, nil
  for _, dir in ipairs(host.dirs) do
    local names, problem, kind = host.scan(dir)
    if not names then skipped[#skipped + 1] = problem end
    if kind == "shortage" then
      unread = { status = 503, message = problem }
    elseif kind == "fault" then
      unread = unread or { status = 500, message = problem }
    end
    for _, name in ipairs(names or {}) do
      addFolder(found, dir, name)
      skipped[#skipped + 1] = problemOfName(dir, name)
    end
  end
  table.sort(skipped)
  return found, skipped, unread
end

-- The scenario's folder; nil if there is none; or nil, a status and a message: it may
-- be in a folder that can't be read. One that is found hides others, so it must be
-- known that those before it don't have it; a folder that is never read is left out.
function steps.find(number)
  local found, _, unread = steps.list()
  if unread and (unread.status == 503 or not found[number]) then
    return nil, unread.status, ("step %d can't be looked for: %s"):format(number, unread.message)
  end
  return found[number]
end

-- Why there is no step NUMBER, if a folder looks as if it were meant for one; or
-- "".
function steps.why_not(number)
  for _, dir in ipairs(host.dirs) do
    for _, name in ipairs(host.scan(dir) or {}) do
      local folder = dir .. "/" .. name
      local there, problem = host.exists(folder .. "/scenario.lua")
      if isFolder(name, number) and not there then return ": " .. problem end
      if there and tonumber(name:match("^%d+")) == number then
        return (": %s, which %s is not"):format(steps.name_rule, folder)
      end
    end
  end
  return ""
end

local TOLD_MAX = 100

-- "\nThere are the steps 0 1 2", which a message about a wrong one ends with.
function steps.there_are()
  local numbers, list = {}, steps.list()
  if not next(list) then
    return "\nThere are no scenarios"
      .. (#host.dirs == 0 and ": the program was copied away from its files. Start it with --scenarios DIR"
        or " in " .. table.concat(host.dirs, ", "))
  end
  for number in pairs(list) do numbers[#numbers + 1] = number end
  if not list[0] then numbers[#numbers + 1] = 0 end -- without a folder, too
  table.sort(numbers)
  local more = #numbers > TOLD_MAX and " ..." or ""
  return "\nThere are the steps " .. table.concat(numbers, " ", 1, math.min(#numbers, TOLD_MAX)) .. more
end

-- ---- checking ----------------------------------------------------------------

-- The first line of the text on which KEY seems to be set; 1 if there is none.
local function lineOf(text, key)
  local word = key:gsub("%W", "%%%0")
  local n = 0
  for line in (text .. "\n"):gmatch("(.-)\n") do
    n = n + 1
    local code = line:gsub("%-%-.*", "")
    if code:find("%f[%w_]" .. word .. "%f[^%w_]%s*=") or code:find("%[%s*[\"']" .. word .. "[\"']%s*%]%s*=") then
      return n
    end
  end
  return 1
end

local function keysOf(t)
  local names = {}
  for key in pairs(t) do names[#names + 1] = key end
  table.sort(names)
  return table.concat(names, ", ")
end

-- "unknown key 'tittle'", then which of the KNOWN was probably meant, or all.
local function unknown(what, name, known)
  local meant = host.did_you_mean(name, known)
  return ("unknown %s '%s'%s"):format(what, name, meant ~= "" and meant or "; known are: " .. keysOf(known))
end

-- A table of the scenario's that has no metatable: so looking at it runs none of
-- the scenario's code, which might never come to an end.
local function isPlain(v) return type(v) == "table" and getmetatable(v) == nil end

-- What a message calls KEY. Keys may have metatables, too: so of a table it is only
-- the type, for __tostring would be the scenario's code.
local function nameOf(key)
  local kind = type(key)
  return (kind == "string" or kind == "number" or kind == "boolean") and tostring(key) or kind
end

-- A check is a function that says what is wrong with the value of a key. It
-- returns nil; or the rest of a sentence that begins with the key's name, such
-- as "must be a string" or ": there are 40 of them", and then perhaps the inner
-- key that is wrong.

local function list(check, what)
  return function(v)
    local want = "must be a list of " .. what
    if not isPlain(v) then return want end
    local n = 0
    for i, item in pairs(v) do
      if math.type(i) ~= "integer" or not check(item) then return want end
      n = n + 1
    end
    return n ~= #v and want or nil
  end
end

local function is(kind)
  return function(v)
    if type(v) ~= kind then return ("must be a %s, not a %s"):format(kind, type(v)) end
  end
end

local isString, isFunction = is "string", is "function"

local function isText(v) return type(v) == "string" end

local function isWhole(v, least, most) return math.type(v) == "integer" and v >= least and v <= most end

local function isCount(least, most)
  return function(v)
    if not isWhole(v, least, most) then return ("must be a whole number from %d to %d"):format(least, most) end
  end
end

local function isParams(v)
  if not isPlain(v) then return 'must be like { size = { 10000000, "bytes copied per request" } }' end
  for key, param in pairs(v) do
    if type(key) ~= "string" or not key:find("^[%a_][%w_]*$") or key == "step" then
      return (": '%s' can't be a name: letters, digits and _, and not 'step'"):format(nameOf(key)), nameOf(key)
    end
    local kind = isPlain(param) and type(param[2]) == "string" and type(param[1])
    if kind ~= "number" and kind ~= "string" and kind ~= "boolean" then
      return (': %s must be its default and its meaning, like { 10000000, "bytes copied per request" }')
        :format(key), key
    end
  end
end

local units = { [""] = 1, B = 1, KB = 1e3, MB = 1e6, GB = 1e9, KiB = 1 << 10, MiB = 1 << 20, GiB = 1 << 30 }

-- "1GiB", "10MB" or a number: bytes; nil for anything else.
local function bytes(v)
  if math.type(v) == "integer" and v > 0 then return v end
  if type(v) ~= "string" then return nil end
  local number, unit = v:match("^(%d+%.?%d*)%s*(%a*)$")
  local n = number and units[unit] and tonumber(number) * units[unit]
  return n and n >= 1 and n < 2 ^ 60 and math.floor(n)
end

local FDS = 1 << 20

local function isLimits(v)
  if not isPlain(v) then return 'must be like { memory = "1GiB", fds = 512 }' end
  for key, value in pairs(v) do
    if key ~= "memory" and key ~= "fds" then
      key = nameOf(key)
      return ": " .. unknown("key", key, { memory = true, fds = true }), key
    elseif key == "memory" and not bytes(value) then
      return '.memory must be like "1GiB", "100MB" or a number of bytes', key
    elseif key == "fds" and not isWhole(value, 1, FDS) and type(value) ~= "string" then
      return (".fds must be a whole number from 1 to %d, or the name of a parameter"):format(FDS), key
    end
  end
end

local ours = { ["/goto"] = true, ["/hint"] = true, ["/lab"] = true, ["/metrics"] = true, ["/status"] = true,
  ["/steps"] = true }

local function isOurs(path)
  return ours[path] or path:find("^/debug") or path:find("^/pprof") or path:find("^/lab/")
end

local function isRoutes(v)
  if not isPlain(v) then return 'must be like { ["/report"] = function(self, req) ... end }' end
  local n = 0
  for path, route in pairs(v) do
    n = n + 1
    local name = nameOf(path)
    if type(path) ~= "string" or not path:find("^/[%w_./-]+$") or #path > 63 then
      return (": '%s' must be like '/report': a / and then letters, digits, _ . / or -, 63 characters at most")
        :format(name), name
    elseif isOurs(path) then
      return (": %s is a path of the lab's own"):format(path), path
    elseif type(route) ~= "function" then
      return (": %s must be a function(self, req), not a %s"):format(path, type(route)), path
    end
  end
  if n > 32 then return (": there are %d of them; 32 are possible"):format(n) end
end

-- The keys of a lesson may stand in scenario.lua, too. What they say is no matter
-- for running it: reader.lua checks it, for the list of steps and the author.
local function isTable(v)
  if not isPlain(v) then return "must be a table" end
end

local function isFixed(v)
  if type(v) ~= "string" and not isPlain(v) then return "must be the name of a file, or a table of params" end
end

local keys = {
  title = isString, symptom = isString,
  difficulty = isCount(1, 5), minutes = isCount(1, 1000),
  params = isParams, limits = isLimits, routes = isRoutes,
  enter = isFunction, request = isFunction, leave = isFunction,
  hints = list(isText, "strings"), tags = isTable, load = isTable, fixed = isFixed, expect = isTable,
  keeps = isTable, diagnosis = isTable,
}

-- limits.fds may be the name of a parameter that is a whole number.
local function problemOfFds(scenario)
  local name = scenario.limits and scenario.limits.fds
  if type(name) ~= "string" then return nil end
  local params = scenario.params or {}
  if not params[name] then
    return ("limits.fds: there is no parameter '%s'%s"):format(name, host.did_you_mean(name, params))
  elseif math.type(params[name][1]) ~= "integer" then
    return ("limits.fds: the parameter '%s' is no whole number"):format(name)
  end
end

-- The first thing wrong with what scenario.lua returned, as "file:line: text".
local function problemOf(scenario, entry, text)
  local function at(key, message)
    return ("%s:%d: %s"):format(entry.file, key and lineOf(text, key) or 1, message)
  end
  if not isPlain(scenario) then
    return at(nil, "a scenario returns one plain table, not a " .. type(scenario))
  end
  for key, value in pairs(scenario) do
    local check = keys[key]
    if not check then
      key = nameOf(key)
      return at(key, unknown("key", key, keys))
    end
    local problem, culprit = check(value)
    if problem then return at(culprit or key, key .. (problem:find("^must") and " " or "") .. problem) end
  end
  if not scenario.request then return at(nil, "request is missing: function(self, req) ... end") end
  local problem = problemOfFds(scenario)
  return problem and at("fds", problem)
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
    return next(declared) and unknown("parameter", name, declared)
      or ("unknown parameter '%s': this step has none"):format(name)
  end
  local value, want = parse(word, declared[name][1])
  if value == nil then return ("parameter %s: '%s' is not %s"):format(name, word, want) end
  values[name] = value
end

-- A scenario that reads or writes a parameter that it doesn't have has a mistake
-- in it.
local function strictParams(values)
  local function fail(_, name)
    name = tostring(name)
    error(("self.params has no '%s'%s"):format(name, host.did_you_mean(name, values)), 2)
  end
  return setmetatable(values, { __index = fail, __newindex = fail, __metatable = false })
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
  return strictParams(values)
end

local function copyOf(t)
  local copy = {}
  for key, value in pairs(t) do copy[key] = value end
  return copy
end

-- The limits as two numbers, 0 where there is none: bytes, descriptors. nil and a
-- message if limits.fds is the name of a parameter that has no possible value.
local function limitsOf(scenario)
  local limits = scenario.limits or {}
  local fds, name = limits.fds or 0, nil
  if type(fds) == "string" then fds, name = scenario.params[fds], fds end
  if not isWhole(fds, 0, FDS) then
    return nil, ("limits.fds: parameter %s is %s; 1 to %d are possible"):format(name, fds, FDS)
  end
  return bytes(limits.memory or 0) or 0, fds
end

-- ---- loading -----------------------------------------------------------------

-- Runs the chunk of a scenario as its own work, not the lab's; as pcall.
local function run(chunk)
  host.own(false)
  host.loading(true)
  local ok, scenario, second = xpcall(chunk, host.traceback)
  host.loading(false)
  host.own(true)
  return ok, scenario, second
end

-- PROBLEM with its file in front, unless it begins with a place in one: Lua's own
-- errors of memory and of a chunk's form name none, nor does error(text, 0).
local function atFile(file, problem)
  if type(problem) ~= "string" or problem:find("^[^\n]-%.lua:%d+: ") then return problem end
  return file .. ": " .. problem
end

-- Runs scenario.lua and checks its table. Returns the table, or nil, a status
-- for HTTP and a message. (host.run: reader.c's, which bounds the chunk.)
function steps.read(entry)
  local file = host.realpath(entry.file) or entry.file
  entry.file = file
  local text, message, kind = host.read(file)
  if not text then return nil, kind == "shortage" and 503 or 500, message end
  local env = makeEnvironment(file:match("^(.*)/"), entry.slug)
  local chunk, problem = host.compile(text, file, entry.slug, env)
  if not chunk then return nil, 500, atFile(file, problem) end
  local ok, scenario, second = (host.run or run)(chunk)
  if not ok then return nil, 500, atFile(file, host.explain(scenario)) end
  problem = second ~= nil and ("%s:1: a scenario returns one table, and nothing after it"):format(file)
    or problemOf(scenario, entry, text)
  if problem then return nil, 500, problem end
  entry.limit_at = ("%s:%d"):format(file, lineOf(text, "memory"))
  return scenario
end

-- Returns the scenario, ready to be entered, and its two limits; or as
-- steps.read.
function steps.load(entry, overrides)
  local scenario, status, message = steps.read(entry)
  if not scenario then return nil, status, message end
  local values, wrong = paramValues(scenario.params or {}, entry.number, overrides)
  if not values then return nil, 400, wrong end
  scenario.params = values
  -- `enter` may change them; a judge of answers wants to know with what it began.
  scenario["given params"] = copyOf(values)
  local memory, fds = limitsOf(scenario)
  if not memory then return nil, 400, fds end
  return scenario, memory, fds
end

return steps
