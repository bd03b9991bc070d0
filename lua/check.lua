-- SPDX-License-Identifier: MIT
-- diaglab check: what is wrong with a scenario and its lesson as one can see
-- without running them. Each rule has a name, by which it can be allowed
-- (allowed.lua).
--
-- check.lua(host, parts) -> check       parts: allowed, faults, fields, fixture,
-- lesson, sentence, source, spoilers, tags
-- check.folder(folder) -> findings      folder: folders.lua's
--
-- A finding is { file, line, rule, severity = "error" | "warning", text }.

local host, parts = ...
local faults, lesson = parts.faults, parts.lesson
local sentence, source, spoilers = parts.sentence, parts.source, parts.spoilers
local check = {}

-- name -> { severity, what it is for }: the reference in docs/authoring.md is
-- made of this.
check.rules = {
  -- of the form, by the reader
  scenario = { "error", "scenario.lua can be run, and its table has the right form" },
  data = { "error", "lesson.lua is a table without functions" },
  key = { "error", "each key is known" },
  type = { "error", "each value has the right type" },
  claim = { "error", "each claim can be read, and fits what it is about" },
  sentence = { "error", "each sentence is about one thing, and claims something" },
  profile = { "error", "each profile exists" },
  metric = { "error", "each metric has a name as /metrics has them" },
  class = { "error", "each class is of the vocabulary" },
  load = { "error", "a load has an end, and one level of loads within it" },
  -- of the folder
  folder = { "error", "the folder is called NN-slug, and no other one has its number" },
  missing = { "error", "a lesson has title, symptom, hints, load, expect, diagnosis and fixed" },
  twice = { "error", "each key stands in lesson.lua or in scenario.lua, not in both" },
  fixed = { "error", "the repaired program exists, its params do, and no line of it is claimed" },
  params = { "error", "params of the lesson are params of the scenario; each has a meaning" },
  path = { "error", "each path of a load is / or a route" },
  answers = { "error", "each file of answers/ is a .lua file, an answer, and begins with the verdict that it gets" },
  -- of what is said
  name = { "error", "each function that a sentence or the diagnosis names exists in the program" },
  evidence = { "error", "a sentence that an answer can be grounded on is about the function to blame" },
  symptom = { "error", "a sentence measures what one sees from outside" },
  tag = { "error", "each label is one that samples of that profile can have" },
  machine = { "error", "no sentence says something about the machine, such as plain milliseconds" },
  spoiler = { "error", "nothing that students see names the fault" },
  entering = { "warning", "no sentence counts per second while the step is entered: the machine says how long" },
  share_alone = { "warning", "a share comes with a value: what little is left may all be of one function" },
  long_load = { "warning", "a load doesn't wait long for requests that are never answered" },
  hint_length = { "warning", "a hint has 40 to 160 words" },
  hint_question = { "warning", "a hint ends with a question" },
  hint_concrete = { "warning", "the last hint has a command to type" },
  -- of the program
  global = { "error", "the program uses no global but the library's" },
  tail_call = { "warning", "no tail call hides a function from profiles" },
  limits = { "warning", "a program that keeps memory or descriptors has a limit" },
}

local folder, findings -- that are checked, and found, at the moment

local function add(file, line, rule, text, ...)
  findings[#findings + 1] = { file = file, line = line, rule = rule, severity = check.rules[rule][1],
    text = select("#", ...) > 0 and text:format(...) or text }
end

local function addAt(path, rule, text, ...)
  local file, line = folder.locate(table.unpack(path))
  add(file, line, rule, text, ...)
end

-- ---- the folder ------------------------------------------------------------------

local REQUIRED = { "title", "symptom", "difficulty", "minutes", "hints", "load", "expect", "diagnosis" }

local function checkMissing(l)
  for _, key in ipairs(REQUIRED) do
    if l[key] == nil and not folder.faulty[key] then
      addAt({}, "missing", "%s is missing%s", key, folder.has_lesson_file and "" or
        (key == "title" and ": write a lesson.lua beside scenario.lua" or ""))
    end
  end
  local healthy = l.diagnosis and l.diagnosis.class and l.diagnosis.class[1] == "none"
  if l.fixed == nil and not healthy and not folder.faulty.fixed then
    addAt({}, "missing", "fixed is missing: only a repaired program shows that the sentences speak of the fault")
  end
end

local function checkTwice()
  for key in pairs(folder.outline.lesson) do
    if folder.own[key] ~= nil then
      add(folder.file, folder.scenario_line_of(key), "twice", "%s stands in lesson.lua, too", key)
    end
  end
end

local function checkParams(values, at)
  local rule = at == "fixed" and "fixed" or "params"
  for name, value in pairs(values or {}) do
    local declared = folder.outline.params[name]
    if not declared then
      addAt({ at, name }, rule, "%s.%s: the scenario has no such parameter%s", at, name,
        host.did_you_mean(name, folder.outline.params))
    elseif type(declared[1]) ~= type(value) then
      addAt({ at, name }, rule, "%s.%s: the parameter is a %s, not a %s", at, name, type(declared[1]), type(value))
    end
  end
end

local function checkFixed(l)
  if not l.fixed then return end
  if l.fixed.params then return checkParams(l.fixed.params, "fixed") end
  local path = folder.dir .. "/" .. l.fixed.file
  if not host.exists(path) then return addAt({ "fixed" }, "fixed", "there is no file %s", l.fixed.file) end
  if folder.fixed_problem then addAt({ "fixed" }, "fixed", "%s", folder.fixed_problem) end
end

-- A repair moves lines: a sentence about one says nothing of the repaired program, nor of
-- a student's repair.
local function checkLines(l)
  local lined, other = false, false
  for _, key in ipairs { "expect", "keeps" } do
    for _, s in ipairs(l[key] or {}) do
      local isForBoth = key == "keeps" or s.always
      if s.line and (isForBoth or s.value and s.value.than == "fixed") then
        local path = { s.path[1], s.path[2], "line" }
        addAt(path, "fixed", "%s: a repaired program has other lines: nothing is known of it by this one",
          lesson.pathText(path))
      end
      lined, other = lined or s.line ~= nil, other or not s.line and not isForBoth
    end
  end
  if l.fixed and lined and not other and not folder.faulty.expect then
    addAt({ "expect" }, "fixed", "each sentence that only the fault makes true is about a line, and a repaired " ..
      "program has other lines: add one that is about none")
  end
end

local function checkNumber(number, at)
  local declared = number and number.param and folder.outline.params[number.param]
  if not number or not number.param then return end
  if not declared then
    addAt(at, "params", "diagnosis.number: the scenario has no parameter '%s'%s", number.param,
      host.did_you_mean(number.param, folder.outline.params))
  elseif type(declared[1]) ~= "number" then
    addAt(at, "params", "diagnosis.number: the parameter %s is a %s, not a number", number.param, type(declared[1]))
  end
end

local function checkMeanings()
  for name, param in pairs(folder.outline.params) do
    if not param[2]:find("%S") then
      add(folder.file, folder.scenario_line_of("params", name), "params", "params.%s has no meaning", name)
    end
  end
end

local function checkPath(path, at)
  local plain = path:gsub("%?.*", "")
  if plain == "/" or plain:find("{n}", 1, true) or parts.fields.contains(folder.outline.routes, plain) then return end
  local known = { ["/"] = true }
  for _, route in ipairs(folder.outline.routes) do known[route] = true end
  addAt(at, "path", "%s: the scenario has no route %s%s", lesson.pathText(at), plain, host.did_you_mean(plain, known))
end

local function checkLoad(load, at)
  if not load then return end
  checkPath(load.path, { table.unpack(at) })
  for _, inner in ipairs { "first", "beside" } do
    if load[inner] then
      local path = table.move(at, 1, #at, 1, {})
      path[#path + 1] = inner
      checkPath(load[inner].path, path)
    end
  end
  local worst = load.requests and load.timeout * load.requests / load.clients or load.seconds + load.timeout
  if folder.expects_none and worst > 5 then
    addAt(at, "long_load", "%s: requests that are not answered make it take %.0f s: set timeout",
      lesson.pathText(at), worst)
  end
end

local function expectsNoAnswer(l)
  for _, s in ipairs(l.expect or {}) do
    if s.subject.status == "none" then return true end
  end
  return false
end

local VERDICTS = { solved = true, partial = true, wrong = true, invalid = true }

local function checkAnswers()
  for _, name in ipairs(host.scan(folder.dir .. "/answers") or {}) do
    local path, isHidden, isLua = folder.dir .. "/answers/" .. name, name:find("^%."), name:find("%.lua$")
    if not isHidden and not (isLua and VERDICTS[name:match("^(%a+)")]) then
      add(path, 1, "answers", "its name begins with solved, partial, wrong or invalid, and ends with .lua")
    end
    local wrong = not isHidden and isLua and select(2, parts.fixture.read(path)) or {}
    for _, one in ipairs(wrong) do add(path, one[1], "answers", "%s", one[2]) end
  end
end

-- ---- names -----------------------------------------------------------------------

-- The names by which a function may be called in a lesson: those of the program,
-- and what profiles show of the lab and of the machine.
local function isKnownFunction(name)
  local plain = name:gsub("%.func%d+$", "")
  if plain:find("^lab[._]") or plain:find('^%[[^"]') or plain:find("^main[./]") then return true end
  if plain == "helloWorldHandler" or plain == "doSomeBusinessLogic" or plain == "routeHandler" then return true end
  for known in pairs(folder.functions) do
    if parts.fields.isCalled(known, plain) then return true end
  end
  return false
end

local function checkNames(names, at)
  for i, name in ipairs(names) do
    if not isKnownFunction(name) then
      local path = table.move(at, 1, #at, 1, {})
      path[#path + 1] = i
      addAt(path, "name", "%s: the program has no function '%s'%s", lesson.pathText(at), name,
        host.did_you_mean(name, folder.functions))
    end
  end
end

local function checkSentenceNames(s, at)
  local function path(key)
    local list = table.move(at, 1, #at, 1, {})
    list[#list + 1] = key
    return list
  end
  for _, key in ipairs { "under", "about" } do
    if s[key] then checkNames(s[key], path(key)) end
  end
  for _, key in ipairs { "top", "of", "absent" } do
    if s[key] then checkNames({ s[key] }, path(key)) end
  end
  -- What is innermost of all may be anything, but for what is called as the scenario's.
  local own = s.leaf and parts.fields.ownName(s.leaf, folder.slug)
  if own then checkNames({ own }, path "leaf") end
end

local function checkTag(s, at)
  if not s.tag then return end
  local problem = parts.tags.problem(s.subject.profile, s.tag, { slug = folder.slug, routes = folder.outline.routes,
    keys = folder.labels })
  if problem then
    local path = table.move(at, 1, #at, 1, {})
    path[#path + 1] = "tag"
    addAt(path, "tag", "%s: %s", lesson.pathText(path), problem)
  end
end

-- The keys of labels that the program sets; nil: nobody can tell.
local function labelsOf()
  local keys = {}
  local all = parts.tags.collect(folder.text, keys)
  for _, include in ipairs(folder.includes) do all = parts.tags.collect(include[2], keys) and all end
  return all and keys or nil
end

-- ---- sentences -------------------------------------------------------------------

local function checkMachine(s, at)
  local c = s.value
  if not c then return end
  local path = table.move(at, 1, #at, 1, {})
  path[#path + 1] = "value"
  if c.unit == "seconds" and not c.per and not c.than then
    addAt(path, "machine", "%s: plain seconds say something about a machine: say %s", lesson.pathText(path),
      s.subject.latency and "x fixed, x baseline, x alone or x p50" or "per request, per second or x fixed")
  elseif s.subject.latency == "p99" and c.than == "fixed" and c.low > 0 and c.low < 10 then
    addAt(path, "machine", "%s: p99 varies by itself, up to three times: claim at least 10 x fixed",
      lesson.pathText(path))
  end
  if s.during == "enter" and c.per == "second" then
    addAt(path, "entering", "%s: how many seconds it takes to enter depends on the machine: say x fixed, or a number",
      lesson.pathText(path))
  end
end

-- "x alone" compares a load with that of one client.
local function checkAlone(s, at, l)
  local load = s.load or l.load
  if load and s.value and s.value.than == "alone" and not sentence.alone(load) then
    addAt(at, "load", "%s: x alone: the load has one client and nothing beside it: it is alone already",
      lesson.pathText(at))
  end
end

local function checkShareAlone(s, at)
  local profile = s.subject.profile
  if s.share and not s.value and profile and not s.of then
    addAt(at, "share_alone", "%s: a share alone holds for what little is left, too: add value", lesson.pathText(at))
  end
end

local function checkEvidence(fault)
  local where = fault.diagnosis.where
  if not where or not fault.expect or #faults.evidence(fault, sentence) > 0 then return end
  addAt({ "expect" }, "evidence", "no sentence is about %s that one capture can show: about a profile, a metric or " ..
    "memstats, and with neither always nor x fixed nor x baseline; without one, no answer can be grounded",
    table.concat(where, " or "))
end

local function checkSymptom(l)
  if not l.symptom or not l.expect or #l.expect == 0 then return end
  for _, s in ipairs(l.expect) do
    if not s.subject.profile then return end
  end
  addAt({ "expect" }, "symptom", "no sentence measures the symptom: latency, status, cpu_time, a metric or memstats")
end

local function checkLimits(class)
  local limits = folder.outline.limits
  if (class == "memory.retained" or class == "memory.pinned" or class == "leak.task") and not limits.memory then
    add(folder.file, 1, "limits", 'a program that keeps memory needs limits = { memory = "1GiB" }')
  elseif (class == "leak.file" or class == "leak.socket") and not limits.fds then
    add(folder.file, 1, "limits", "a program that keeps descriptors needs limits = { fds = 500 }")
  end
end

-- AT(key, ...) is the path of a key of a fault, ALL are those of the lesson.
local function checkVictims(d, at, all)
  for i, name in ipairs(d.victims or {}) do
    for _, one in ipairs(all) do
      if parts.fields.names(one.diagnosis.where, name) then
        addAt(at("victims", i), "name", "%s: %s is to blame, too", lesson.pathText(at("victims")), name)
      end
    end
  end
end

-- Answers couldn't be told apart.
local function checkSecond(all)
  local first = all[1].diagnosis.where
  for i, name in ipairs(all[2] and all[2].diagnosis.where or {}) do
    if parts.fields.names(first, name) then
      addAt({ "diagnosis", "also", "where", i }, "name", "diagnosis.also.where: %s is the first fault's, too", name)
    end
  end
end

local function checkFaults(l)
  local all = l.diagnosis and faults.of(l) or {}
  for i, fault in ipairs(all) do
    local function at(...)
      if i == 1 then return { "diagnosis", ... } end
      return { "diagnosis", "also", ... }
    end
    local d = fault.diagnosis
    if d.where then checkNames(d.where, at "where") end
    if d.victims then checkNames(d.victims, at "victims") end
    checkNumber(d.number, at("number", 1))
    checkVictims(d, at, all)
    checkLimits(d.class and d.class[1] or "")
    if not folder.faulty.expect then checkEvidence(fault) end -- a sentence that can't be read may be the one
  end
  if #all > 1 then checkSecond(all) end
end

-- ---- spoilers --------------------------------------------------------------------

-- TEXT without where its links lead to. Not with %b(), which looks through all that
-- follows for each bracket that isn't closed.
local function withoutTargets(text) return (text:gsub("%]%([^()]*%)", "]")) end

local function checkSpoilers(l)
  local function look(path, what, text)
    local word = text and spoilers.find(text, l)
    if word then addAt(path, "spoiler", "%s names the fault: '%s'", what, word) end
  end
  look({ "title" }, "the title", l.title)
  look({ "symptom" }, "the symptom", l.symptom)
  local hints = l.hints or {}
  for i = 1, #hints - 1 do look({ "hints", i }, ("hint %d of %d"):format(i, #hints), hints[i]) end
  local word = spoilers.find(folder.slug, l)
  if word then
    add(folder.file, 1, "spoiler", "the folder's name names the fault: '%s'; students see it in profiles", word)
  end
  for name, line in pairs(folder.functions) do
    word = spoilers.find(name, l, true)
    if word then add(folder.file, line, "spoiler", "the function %s names the fault: '%s'", name, word) end
  end
  local readme = host.read(folder.dir .. "/README.md")
  word = readme and spoilers.find(withoutTargets(readme), l)
  if word then
    local line = select(2, readme:sub(1, (readme:lower():find(word:lower(), 1, true) or 1)):gsub("\n", "")) + 1
    add(folder.dir .. "/README.md", line, "spoiler", "the task card names the fault: '%s'", word)
  end
end

-- ---- hints -----------------------------------------------------------------------

local function checkHints(l)
  for i, hint in ipairs(l.hints or {}) do
    local _, words = hint:gsub("%S+", "")
    local what = ("hint %d of %d"):format(i, #l.hints)
    if words < 40 or words > 160 then
      addAt({ "hints", i }, "hint_length", "%s has %d words; good hints have 40 to 160", what, words)
    end
    if not hint:find("%?%s*$") then addAt({ "hints", i }, "hint_question", "%s doesn't end with a question", what) end
    if i == #l.hints and not hint:find("`") then
      addAt({ "hints", i }, "hint_concrete", "%s, the last one, has no command in `backquotes`", what)
    end
  end
end

-- ---- the program -----------------------------------------------------------------

local LIBRARY = {}
for name in ([[_G _VERSION _ENV assert error getmetatable ipairs lab load math next pairs pcall print rawequal rawget
  rawlen rawset select setmetatable string table tonumber tostring type utf8 xpcall]]):gmatch("%S+") do
  LIBRARY[name] = true
end

local function checkProgram(file, text)
  local read = source.read(text)
  local told = {}
  for _, use in ipairs(read.globals) do
    local name, line = use[1], use[2]
    if not LIBRARY[name] and not told[name] then
      told[name] = true
      add(file, line, "global", "there is no global '%s'%s", name, host.did_you_mean(name, LIBRARY))
    end
  end
  for _, call in ipairs(read.tail_calls) do
    if read.functions[call[1]] then
      add(file, call[2], "tail_call", "return %s(...) is a tail call: profiles don't show the function it stands in",
        call[1])
    end
  end
  return read.functions
end

-- ---- the whole -------------------------------------------------------------------

local function checkLesson(l)
  folder.expects_none = expectsNoAnswer(l)
  checkMissing(l)
  checkTwice()
  checkParams(l.params, "params")
  checkFixed(l)
  checkLines(l)
  checkMeanings()
  checkLoad(l.load, { "load" })
  for _, key in ipairs { "expect", "keeps" } do
    for _, s in ipairs(l[key] or {}) do
      checkSentenceNames(s, s.path)
      checkTag(s, s.path)
      checkMachine(s, s.path)
      checkAlone(s, s.path, l)
      checkShareAlone(s, s.path)
      if s.load then checkLoad(s.load, { key, s.path[2], "load" }) end
    end
  end
  checkFaults(l)
  if not folder.faulty.expect then checkSymptom(l) end
  checkSpoilers(l)
  checkHints(l)
end

-- Checks one folder; the findings are in the order of files and lines.
function check.folder(f)
  folder, findings = f, {}
  if f.folder_problem then add(f.file, 1, "folder", "%s", f.folder_problem) end
  if f.problem then
    local file, line, text = f.problem:match("^(.-):(%d+): (.*)$")
    add(file or f.file, tonumber(line) or 1, "scenario", "%s", text or f.problem)
  else
    for _, fault in ipairs(f.faults) do add(fault[1], fault[2], fault[3], "%s", fault[4]) end
    f.functions = checkProgram(f.file, f.text)
    for _, include in ipairs(f.includes) do
      for name, line in pairs(checkProgram(include[1], include[2])) do f.functions[name] = f.functions[name] or line end
    end
    f.labels = labelsOf()
    if f.lesson then checkLesson(f.lesson) end
    checkAnswers()
  end
  return parts.allowed.keep(findings)
end

return check
