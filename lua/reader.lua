-- SPDX-License-Identifier: MIT
-- What the list of steps says of one scenario. A scenario's title is known only
-- after its file has run, so it is run, with a `lab` that does nothing.
--
-- src/scenario/reader.c runs this, in a process that has little time and memory
-- and does nothing else. So what a scenario does to it, it does to its own entry.
--
-- reader.lua(host, steps.lua as a function) -> read(path of scenario.lua, whole)
--   -> record
--
-- record.lua says what a record is. The keys are title, symptom, difficulty,
-- minutes, hint (once for each), problem (why the step can't be selected) and
-- lesson_problem; and, as Lua chunks (data.lua), load and params: { { name, default,
-- meaning } }. If it is to be WHOLE, also,
-- likewise: scenario (its outline), lesson, and fault, once for each: { file, line,
-- rule, text }.

local host, newSteps = ...

-- ---- a `lab` that does nothing -------------------------------------------------

-- What a file gets whenever it uses the library while it is loaded. It can be
-- called, indexed and calculated with, and the result is itself.
local anything
local uses = 0
local function any()
  uses = uses + 1
  return anything
end
local function zero()
  uses = uses + 1
  return 0
end
local function no() return false end
anything = setmetatable({}, {
  __index = any, __call = any, __add = any, __sub = any, __mul = any, __div = any, __mod = any, __idiv = any,
  __pow = any, __unm = any, __band = any, __bor = any, __bxor = any, __shl = any, __shr = any, __bnot = any,
  __lt = no, __le = no,
  __len = function() return 0 end, __concat = function() return "" end, __tostring = function() return "" end,
  __newindex = function() end, __close = function() end,
  __name = "a stand-in: in enter it is what lab gives", -- in messages, as the type that is wrong
})

-- What it is can be known only in the lab; that it isn't there is known here.
local function findPrimitive(name)
  if host.primitives[name] then return anything end
  error(("there is no primitive '%s'%s (--primitive names the file of one)"):format(tostring(name),
    host.did_you_mean(tostring(name), host.primitives)), 2)
end

-- There is one task, which nobody cancels.
function host.task() return 1, 1, false end
function host.runs() return true end
function host.cancelled() return false end
function host.exchange(t, key, old, new)
  local same = t[key] == old
  if same then t[key] = new end
  return same
end

local sandbox = host.part "sandbox"({ log = function() end }, host)

local function makeEnvironment(dir, prefix)
  return sandbox(dir, prefix, setmetatable({ now = zero, cpu_time = zero, primitive = findPrimitive },
    { __index = any }))
end

local steps = newSteps(host, makeEnvironment)
local record = host.part "record"()
local concat, match, collect = table.concat, string.match, collectgarbage

-- ---- the lesson ------------------------------------------------------------------

local LESSON_KEYS = { "title", "symptom", "difficulty", "minutes", "tags", "hints", "load", "fixed", "expect",
  "keeps", "diagnosis" }

local DEPTH_MAX = 16 -- of tables in tables

-- V without what is no data; the places of that are added to ODD.
local function dataOf(v, path, odd)
  local kind = type(v)
  if kind == "string" or kind == "number" or kind == "boolean" then return v end
  if kind ~= "table" or #path > DEPTH_MAX then
    odd[#odd + 1] = table.move(path, 1, #path, 1, { kind = kind })
    return nil
  end
  local out = {}
  for key, value in next, v do
    path[#path + 1] = key
    out[key] = dataOf(value, path, odd)
    path[#path] = nil
  end
  return out
end

-- The keys of a lesson that stand in scenario.lua, and the places of what is no data.
local function lessonWithin(scenario)
  local found, odd = {}, {}
  for _, key in ipairs(LESSON_KEYS) do
    if scenario[key] ~= nil then found[key] = dataOf(scenario[key], { key }, odd) end
  end
  return found, odd
end

-- The lesson of the scenario in FILE, a function that says where a key of it stands:
-- file, line; and the places of what is no data. nil and a message if its file can't be read. A lesson.lua
-- beside scenario.lua is the lesson; what it doesn't say, scenario.lua may.
local function findLesson(file, scenario)
  local within, odd = lessonWithin(scenario)
  local path = match(file, "^(.*)/") .. "/lesson.lua"
  local text, message = host.read(path) -- first: so the lab knows that it was looked for
  if not text and host.exists(path) then return nil, message end
  local lesson, problem = {}, nil
  if text then lesson, problem = host.data(text, path) end
  if not lesson then return nil, problem end
  local lines = host.part "lines"()
  local lineInLesson, lineInScenario = text and lines.find(text), lines.find(host.read(file) or "")
  local own = {}
  for key in next, lesson do own[key] = true end
  for key, value in next, within do
    if lesson[key] == nil then lesson[key] = value end
  end
  return lesson, function(key, ...)
    if text and (own[key] or within[key] == nil) then return path, lineInLesson(key, ...) end
    return file, lineInScenario(key, ...)
  end, odd
end

-- Is PATH, or a part of what it leads to, at one of the places ODD?
local function isOdd(path, odd)
  for _, place in ipairs(odd) do
    local same = true
    for i = 1, math.min(2, #place) do same = same and path[i] == place[i] end
    if same then return true end
  end
  return false
end

-- All that is wrong with LESSON, each { file, line, rule, text }; and its load, if
-- that is right.
local function examine(lesson, locate, odd)
  local claim, fields = host.part "claim"(), host.part "fields"(host)
  local reading = host.part "lesson" { fields = fields, claim = claim, classes = host.part "classes"(),
    sentence = host.part "sentence"(fields, claim) }
  local parsed, problems = reading.read(lesson)
  local list, load = {}, parsed.load
  local function add(path, rule, text)
    if path[1] == "load" then load = nil end
    local where = reading.pathText(path)
    local file, line = locate(table.unpack(path))
    list[#list + 1] = { file, line, rule, (where ~= "" and where .. ": " or "") .. text }
  end
  for _, place in ipairs(odd) do
    add(place, "data", place.kind == "table" and "tables are nested too deep" or "is a " .. place.kind ..
      ": a lesson is data; what no table can say, the program counts (lab.gauge), and a sentence is about that metric")
  end
  for _, p in ipairs(problems) do
    if not isOdd(p.path, odd) then add(p.path, p.rule, p.text) end
  end
  return list, load
end

-- ---- the record ----------------------------------------------------------------

local PROBLEM_MAX = 1000 -- bytes

local MANY = 10000 -- uses of the stand-in: a loop over what a file has, and the like

local function shorten(problem)
  problem = match(tostring(problem), "^[^\n]*")
  if uses > MANY and problem:find("it doesn't come to an end", 1, true) then
    problem = problem .. ": while a file is loaded, what lab gives is a stand-in that has no end; do this in enter"
  end
  return #problem > PROBLEM_MAX and problem:sub(1, PROBLEM_MAX) .. "..." or problem
end

-- What of a scenario can be written down: the names of its functions, too.
local function outlineOf(scenario)
  local routes = {}
  for path in pairs(scenario.routes or {}) do routes[#routes + 1] = path end
  table.sort(routes)
  return { params = scenario.params or {}, limits = scenario.limits or {}, routes = routes,
    enter = scenario.enter ~= nil, leave = scenario.leave ~= nil, lesson = (lessonWithin(scenario)) }
end

-- In the order of their names.
local function paramsOf(scenario)
  local list = {}
  for name, param in next, scenario.params or {} do list[#list + 1] = { name, param[1], param[2] } end
  table.sort(list, function(a, b) return a[1] < b[1] end)
  return list
end

local words -- of the record that is made

local function add(key, value)
  if value ~= nil then words[#words + 1] = record.pair(key, tostring(value)) end
end

local function addLesson(lesson, whole)
  for _, key in ipairs { "title", "symptom", "difficulty", "minutes" } do add(key, lesson[key]) end
  for _, hint in ipairs(type(lesson.hints) == "table" and lesson.hints or {}) do add("hint", hint) end
  if whole then add("lesson", host.part "data"(host).chunk(lesson)) end
end

local function addProblems(problems, whole)
  for i, p in ipairs(problems) do
    if i == 1 then add("lesson_problem", shorten(("%s:%d: %s"):format(p[1], p[2], p[4]))) end
    if whole then add("fault", host.part "data"(host).chunk(p)) end
  end
end

return function(path, whole)
  words = {}
  local scenario, _, problem = steps.read { slug = "", file = path }
  collect() -- a finalizer that doesn't end is a problem, too: it would be one in the lab
  if not scenario then
    add("problem", shorten(problem))
    return concat(words)
  end
  if whole then add("scenario", host.part "data"(host).chunk(outlineOf(scenario))) end
  -- A repaired program has the lesson of the scenario that it stands beside.
  if not match(path, "/scenario%.lua$") then return concat(words) end
  local lesson, locate, odd = findLesson(path, scenario)
  if scenario.params and next(scenario.params) then add("params", host.part "data"(host).chunk(paramsOf(scenario))) end
  if lesson then
    addLesson(lesson, whole)
    local problems, load = examine(lesson, locate, odd)
    if load then add("load", host.part "data"(host).chunk(load)) end
    addProblems(problems, whole)
  else
    add("lesson_problem", shorten(locate))
  end
  return concat(words)
end
