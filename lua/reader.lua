-- SPDX-License-Identifier: MIT
-- What the list of steps says of one scenario. A scenario's title is known only
-- after its file has run, so it is run, with a `lab` that does nothing.
--
-- src/scenario/reader.c runs this, in a process that has little time and memory
-- and does nothing else. So what a scenario does to it, it does to its own entry.
--
-- reader.lua(host, steps.lua as a function) -> read(path of scenario.lua) -> record
--
-- A record is a string: pairs of a key and a value, each packed as "<s4". The keys
-- are title, symptom, difficulty, minutes, hint (once for each), and problem.

local host, newSteps = ...

-- ---- a `lab` that does nothing -------------------------------------------------

-- What a file gets whenever it uses the library while it is loaded. It can be
-- called, indexed and calculated with, and the result is itself.
local anything
local function any() return anything end
local function no() return false end
anything = setmetatable({}, {
  __index = any, __call = any, __add = any, __sub = any, __mul = any, __div = any, __mod = any, __idiv = any,
  __pow = any, __unm = any, __lt = no, __le = no,
  __len = function() return 0 end, __concat = function() return "" end, __tostring = function() return "" end,
  __newindex = function() end, __close = function() end,
})

local function copy(t)
  local c = {}
  for k, v in next, t do c[k] = v end
  return c
end

-- As in sandbox.lua: methods of strings can't be changed.
local stringMeta = getmetatable("")
stringMeta.__index = copy(string)
stringMeta.__metatable = false

local function includer(dir, prefix, env)
  local loaded = {}
  return function(name)
    if loaded[name] == nil then
      local path = dir .. "/" .. tostring(name) .. ".lua"
      local chunk = assert(host.compile(assert(host.read(path)), path, prefix, env))
      loaded[name] = chunk() or true
    end
    return loaded[name]
  end
end

local function makeEnvironment(dir, prefix)
  local function zero() return 0 end
  local env = {
    assert = assert, error = error, ipairs = ipairs, next = next, pairs = pairs, pcall = pcall, print = zero,
    rawequal = rawequal, rawget = rawget, rawlen = rawlen, rawset = rawset, select = select, xpcall = xpcall,
    setmetatable = setmetatable, getmetatable = getmetatable, tonumber = tonumber, tostring = tostring, type = type,
    string = copy(string), table = copy(table), math = copy(math), utf8 = copy(utf8),
  }
  env._G = env
  env.lab = setmetatable({ now = zero, cpu_time = zero, include = includer(dir, prefix, env) }, { __index = any })
  return env
end

local steps = newSteps(host, makeEnvironment)
local pack, concat, match, collect = string.pack, table.concat, string.match, collectgarbage

-- ---- the record ----------------------------------------------------------------

local PROBLEM_MAX = 1000 -- bytes

return function(path)
  local scenario, _, problem = steps.read { slug = "", file = path }
  collect() -- a finalizer that doesn't end is a problem, too: it would be one in the lab
  local words = {}
  local function add(key, value)
    if value ~= nil then words[#words + 1] = pack("<s4s4", key, tostring(value)) end
  end
  if scenario then
    add("title", scenario.title)
    add("symptom", scenario.symptom)
    add("difficulty", scenario.difficulty)
    add("minutes", scenario.minutes)
    local hints = scenario.hints or {}
    for i = 1, #hints do add("hint", hints[i]) end
  else
    problem = match(tostring(problem), "^[^\n]*")
    add("problem", #problem > PROBLEM_MAX and problem:sub(1, PROBLEM_MAX) .. "..." or problem)
  end
  return concat(words)
end
