-- SPDX-License-Identifier: MIT
-- What students may know of the steps: the texts of /steps and /hint.
--
-- The texts don't give the solution away. A step's slug names the fault, so only
-- the JSON, which is for programs, has it.
--
-- src/scenario/catalog.c runs this in a Lua state of its own, so the list is
-- there whatever the program under diagnosis does. A scenario's title is known
-- only after its file has run, so it is run, with a `lab` that does nothing.
--
-- catalog.lua(host, steps.lua as a function) -> answer(question) -> text, status

local host, newSteps = ...

local WIDTH = 78

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
  for k, v in pairs(t) do c[k] = v end
  return c
end

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

-- All steps in order: { number, slug, scenario } or { number, slug, problem }.
local function read()
  local list = {}
  for _, entry in pairs(steps.list()) do
    local scenario, _, problem = steps.read(entry)
    if entry.clash then problem = ("there is another one, %s"):format(entry.clash) end
    list[#list + 1] = { number = entry.number, slug = entry.slug, scenario = scenario or {}, problem = problem }
  end
  table.sort(list, function(a, b) return a.number < b.number end)
  return list
end

-- ---- text ----------------------------------------------------------------------

-- TEXT in lines of at most WIDTH, each behind INDENT. Commands, in backquotes,
-- stay in one piece.
local function wrap(text, indent)
  local lines, line = {}, indent
  text = text:gsub("`[^`]*`", function(command) return (command:gsub(" ", "\0")) end)
  for word in text:gmatch("%S+") do
    local length = utf8.len(line) or #line
    if length > #indent and length + 1 + (utf8.len(word) or #word) > WIDTH then
      lines[#lines + 1] = line
      line = indent
    end
    line = line .. (#line > #indent and " " or "") .. word
  end
  lines[#lines + 1] = line
  return table.concat(lines, "\n"):gsub("\0", " ") .. "\n"
end

local function effort(scenario)
  local parts = {}
  if scenario.difficulty then parts[#parts + 1] = ("difficulty %d of 5"):format(scenario.difficulty) end
  if scenario.minutes then parts[#parts + 1] = ("%d minutes"):format(scenario.minutes) end
  return #parts > 0 and " (" .. table.concat(parts, ", ") .. ")" or ""
end

local function describe(step, here)
  local scenario = step.scenario
  local text = ("%s step %d: %s%s\n"):format(here and ">" or " ", step.number, scenario.title or "(no title)",
    effort(scenario))
  if scenario.symptom then text = text .. wrap(scenario.symptom, "    ") end
  if step.problem then text = text .. wrap("It can't be selected: " .. step.problem:match("^[^\n]*"), "    ") end
  return text
end

local function listAsText(question)
  local parts = {}
  for _, step in ipairs(read()) do parts[#parts + 1] = describe(step, step.number == question.step) end
  parts[#parts + 1] = "/goto?step=N selects one, /hint helps with the one that is selected.\n"
  return table.concat(parts, "\n")
end

-- ---- JSON ----------------------------------------------------------------------

-- A quote and a backslash are written as \u0022 and \u005c here.
local function quote(text)
  local body = host.json_string(text):sub(2, -2)
  return '"' .. body:gsub('\\(["\\])', function(c) return ("\\u%04x"):format(c:byte()) end) .. '"'
end

-- { key, value } pairs; a nil value is left out.
local function object(pairs_)
  local parts = {}
  for _, pair in ipairs(pairs_) do
    local value = pair[2]
    if type(value) == "string" then value = quote(value) end
    if value ~= nil then parts[#parts + 1] = ('"%s": %s'):format(pair[1], value) end
  end
  return "{" .. table.concat(parts, ", ") .. "}"
end

local function listAsJson(question)
  local parts = {}
  for i, step in ipairs(read()) do
    local scenario = step.scenario
    parts[i] = object {
      { "number", step.number }, { "slug", step.slug }, { "title", scenario.title }, { "symptom", scenario.symptom },
      { "difficulty", scenario.difficulty }, { "minutes", scenario.minutes },
      { "hints", scenario.hints and #scenario.hints or 0 }, { "problem", step.problem },
    }
  end
  return ('{"step": %d, "steps": [\n%s\n]}\n'):format(question.step, table.concat(parts, ",\n"))
end

-- ---- hints ---------------------------------------------------------------------

local function hintsOf(number)
  local entry = steps.list()[number]
  local scenario = entry and steps.read(entry)
  return scenario and scenario.hints or {}
end

local function hint(question)
  local hints, n = hintsOf(question.step), question.n
  if #hints == 0 then return ("step %d has no hints\n"):format(question.step), 404 end
  if not hints[n] then return ("step %d has %d hints\n"):format(question.step, #hints), 404 end
  if question.json then
    return object { { "step", question.step }, { "n", n }, { "of", #hints }, { "hint", hints[n] } } .. "\n"
  end
  local text = wrap(("hint %d of %d: %s"):format(n, #hints, hints[n]), "")
  if hints[n + 1] then text = text .. ("/hint?n=%d goes on.\n"):format(n + 1) end
  return text
end

return function(question)
  local make = question.n and hint or question.json and listAsJson or listAsText
  local text, status = make(question)
  return text, status or 200
end
