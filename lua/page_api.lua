-- SPDX-License-Identifier: MIT
-- What the page at /lab/ asks about the present step: the load that is to be sent,
-- the text of a file, and the solution of a step that is solved; and how a repair of
-- that step is checked.
--
-- page_api.lua(host, parts) -> { load = answer, source = answer, solution = answer,
--   repair = answer, offer = function(question) -> offer or nil }
--   each answer(question) -> result, as of diagnosis.lua. `repair` answers with the
--   words of a command (diaglab repair --check), each ended by a 0.
--
-- offer: for a step whose repair can be proven, and who has solved it: { folder = of
--   the student's program, given = it is there, get, check = commands }
--
-- question.solved: this lab has seen that the step was solved. `load` answers with
-- a form: clients=2&path=%2F&first.requests=10, for src/page/load.c.

local host, parts = ...
local data, record, steps = parts.data, parts.record, parts.steps
local api = {}

local function answerJson(t) return { status = 200, text = data.json(t) .. "\n" } end

local function refuse(status, text) return { status = status, text = text .. "\n" } end

-- What the scenario says of itself: { key = value }, and its folder. nil: it is gone;
-- or nil, nil and the answer that says why it can't be read now.
local function describe(number)
  local entry, status, message = steps.find(number)
  if not entry then return nil, nil, status and refuse(status, message) end
  host.read_whole { entry.file }
  local text, problem, kind = host.record(entry.file)
  if kind == "shortage" then return nil, nil, refuse(503, problem) end
  local about = {}
  for key, value in record.each(text or "") do about[key] = value end
  return about, entry
end

local function isSolved(question)
  if question.solved then return true end
  for _, s in ipairs(parts.progress.steps(question.sums)) do
    if s.step == question.step then return s.solved end
  end
  return false
end

-- ---- the load --------------------------------------------------------------------

-- The most of each. A load's connections are descriptors of the lab itself.
local FIELDS = { clients = 1000, rate = 1e6, requests = 1e9, seconds = 3600, path = true }
local WHOLE = { clients = true, requests = true }

local function decode(v)
  return (v:gsub("+", " "):gsub("%%(%x%x)", function(digits) return string.char(tonumber(digits, 16)) end))
end

local function encode(v)
  return (tostring(v):gsub("[^%w._~/-]", function(c) return ("%%%02X"):format(c:byte()) end))
end

local function readForm(body)
  local fields = {}
  for pair in body:gmatch "[^&]+" do
    local key, value = pair:match "^([^=]*)=?(.*)$"
    fields[decode(key)] = decode(value)
  end
  return fields
end

local function readFields(question)
  local body = question.submission
  if not question.is_json or body:find "^%s*$" then return readForm(body) end
  local fields, problem = parts.read_json(body)
  if problem then return nil, problem end
  if type(fields) ~= "table" then return nil, 'a load is an object, such as {"clients": 2, "seconds": 5}' end
  return fields
end

local function checkNumber(key, value)
  local n = tonumber(type(value) == "string" and (value:match "^[%d.eE+-]+$" or "") or value)
  if not n or not (n > 0 and n <= FIELDS[key]) then
    return nil, ("%s: must be a number above 0, and at most %.0f"):format(key, FIELDS[key])
  end
  if WHOLE[key] and n ~= math.floor(n) then return nil, key .. ": must be a whole number" end
  return WHOLE[key] and math.floor(n) or n
end

local function checkFields(fields)
  local checked = {}
  for key, value in pairs(fields) do
    if not FIELDS[key] then
      local meant = host.did_you_mean(tostring(key), FIELDS)
      return nil, ("unknown key '%s'%s"):format(tostring(key), meant ~= "" and meant or
        "; known are: clients, path, rate, requests, seconds")
    end
    local problem
    if value == "" then
      checked[key] = nil -- an empty field of a form
    elseif key == "path" then
      checked.path = tostring(value)
    else
      checked[key], problem = checkNumber(key, value)
    end
    if problem then return nil, problem end
  end
  return checked
end

-- The lesson's load, but for what FIELDS say.
local function merge(lessons, fields)
  local plan = {}
  for key, value in pairs(lessons or {}) do plan[key] = value end
  if fields.requests or fields.seconds then plan.requests, plan.seconds = nil, nil end
  for key, value in pairs(fields) do plan[key] = value end
  if not plan.requests and not plan.seconds then plan.seconds = 5 end
  return plan
end

local PLAN = { "path", "method", "body", "requests", "seconds", "clients", "rate", "timeout" }

local function addPairs(out, plan, prefix)
  for _, key in ipairs(PLAN) do
    if plan[key] ~= nil then out[#out + 1] = prefix .. key .. "=" .. encode(plan[key]) end
  end
end

function api.load(question)
  local fields, problem = readFields(question)
  if fields then fields, problem = checkFields(fields) end
  if not fields then return refuse(400, problem) end
  local about, _, unread = describe(question.step)
  if unread then return unread end
  local lessons = about and about.load and host.data(about.load, "load")
  if not lessons and not fields.requests and not fields.seconds then
    return refuse(404, ("the lesson of step %d has no load: say seconds or requests"):format(question.step))
  end
  local plan, out = merge(lessons, fields), {}
  addPairs(out, plan, "")
  for _, inner in ipairs { "first", "beside" } do
    if type(plan[inner]) == "table" then addPairs(out, plan[inner], inner .. ".") end
  end
  return { status = 200, text = table.concat(out, "&") }
end

-- ---- texts -----------------------------------------------------------------------

local function linesOf(text)
  local lines = data.list {}
  for line in (text:sub(-1) == "\n" and text or text .. "\n"):gmatch "(.-)\r?\n" do lines[#lines + 1] = line end
  return lines
end

-- Does the file itself tell the answer? One whose lesson stands in the program does.
local function tellsAnswer(about)
  local outline = about.scenario and host.data(about.scenario, "scenario")
  return outline and type(outline.lesson) == "table" and outline.lesson.diagnosis ~= nil
end

-- The file is one that profiles name: page's C code has looked.
function api.source(question)
  local about, entry, unread = describe(question.step)
  if unread then return unread end
  local folder, path = entry and host.realpath(entry.dir), host.realpath(question.submission)
  if not folder or not path or path:sub(1, #folder + 1) ~= folder .. "/" then
    return refuse(404, "this is no file of the present step")
  end
  local lesson = about.lesson and parts.lesson.read(host.data(about.lesson, "lesson")) or {}
  local tells = steps.is_telling(path:match "[^/]*$", lesson) or tellsAnswer(about)
  if tells and not isSolved(question) then
    return refuse(403, "this file tells what is wrong: it can be read when the step is solved")
  end
  local text, problem = host.read(path)
  if not text then return refuse(404, problem) end
  return answerJson { file = question.submission, lines = linesOf(text) }
end

-- ---- a repair --------------------------------------------------------------------

local function commandOf(...) return parts.shell.command { "diaglab", "repair", ... } end

local function canProve(file)
  host.read_whole { file }
  for key, value in record.each(host.record(file) or "") do
    if key == "lesson" then
      local lesson = parts.lesson.read(host.data(value, "lesson"))
      return lesson.expect ~= nil and lesson.fixed ~= nil
    end
  end
  return false
end

-- The folder with scenarios, and the name in it, of step NUMBER with a lesson that can
-- prove a repair. The step that runs may be the student's own program, without one.
-- Or nil, nil and the answer that says why it can't be looked for now.
local function findOriginal(number)
  for _, root in ipairs(host.dirs) do
    local names, problem, kind = host.scan(root)
    if kind == "shortage" then return nil, nil, refuse(503, problem) end
    for _, name in ipairs(names or {}) do
      local digits = steps.parts_of(name)
      if digits and tonumber(digits) == number and canProve(("%s/%s/scenario.lua"):format(root, name)) then
        return host.realpath(root) or root, name
      end
    end
  end
end

function api.offer(question)
  local root, name, unread = findOriginal(question.step)
  if not root or question.repair == "" then return nil, unread end
  local folder = question.repair .. "/" .. name
  return { root = root, folder = folder, given = host.exists(folder .. "/scenario.lua") == true,
    get = commandOf("--scenarios", root, tostring(question.step), question.repair),
    check = commandOf("--scenarios", root, "--check", folder) }
end

function api.repair(question)
  local number = question.step
  if not isSolved(question) then
    return refuse(403, ("step %d is not solved yet: say what is wrong with it first (/lab/answer)"):format(number))
  end
  if question.repair == "" then return refuse(404, "this lab checks no repairs") end
  local offer, unread = api.offer(question)
  if unread then return unread end
  if not offer then return refuse(404, ("step %d has no lesson by which a repair could be proven"):format(number)) end
  if not offer.given then
    return refuse(404, ("there is no program of yours in %s: get it with\n  %s"):format(offer.folder, offer.get))
  end
  local words = { "diaglab", "repair", "--page", "--scenarios", offer.root, "--check", offer.folder }
  return { status = 200, text = table.concat(words, "\0") .. "\0" }
end

-- ---- the solution ----------------------------------------------------------------

-- The number stays as the lesson has it: { 20, "ms", "for how long is it held?" }.
local function diagnosisOf(d, raw)
  local n = raw and raw.number
  local number = d.number and { value = n[1], unit = n[2], question = n[3] }
  return { class = data.list(d.class or {}), where = data.list(d.where or {}), number = number,
    also = d.also and diagnosisOf(d.also, raw.also) }
end

-- The path that enters the repaired program.
local function twinOf(number, fixed)
  local query = { ("/goto?step=%d"):format(number) }
  local names = {}
  for name in pairs(fixed.params or {}) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do query[#query + 1] = name .. "=" .. encode(fixed.params[name]) end
  if fixed.file then query[#query + 1] = "program-file=" .. fixed.file end
  return #query > 1 and table.concat(query, "&") or nil
end

function api.solution(question)
  local about, entry, unread = describe(question.step)
  if unread then return unread end
  if not about then return refuse(404, ("the folder of step %d is gone"):format(question.step)) end
  if not isSolved(question) then
    return refuse(403, ("step %d is not solved yet: say what is wrong with it first (/lab/answer)")
      :format(question.step))
  end
  local raw = about.lesson and host.data(about.lesson, "lesson") or {}
  local lesson = parts.lesson.read(raw)
  local fixed = lesson.fixed or {}
  local program = fixed.file and host.read(entry.dir .. "/" .. fixed.file)
  local offer = api.offer(question)
  if offer then offer.root = nil end
  return answerJson { format = "diaglab-solution/1", step = question.step,
    diagnosis = diagnosisOf(lesson.diagnosis or {}, raw.diagnosis),
    repair = offer,
    solution = host.read(entry.dir .. "/SOLUTION.md") or nil, fixed = fixed.params,
    twin = twinOf(question.step, fixed),
    fixed_file = program and { file = fixed.file, lines = linesOf(program) } or nil }
end

return api
