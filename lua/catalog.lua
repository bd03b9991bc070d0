-- SPDX-License-Identifier: MIT
-- What students may know of the steps: the texts of /steps and /hint.
--
-- The texts don't give the solution away. A step's slug is for programs, so only
-- the JSON has it.
--
-- src/scenario/catalog.c runs this in a Lua state of its own, so the list is
-- there whatever the program under diagnosis does. What a scenario says of itself
-- comes from a process of its own (reader.lua); here it is only text.
--
-- catalog.lua(host, steps.lua as a function) -> answer(question)
--   -> text, status, how many steps are broken

local host, newSteps = ...

local WIDTH = 78

local steps, record = newSteps(host), host.part "record"()

-- What a scenario that can't be read has to say of itself.
local function broken(entry, problem)
  return { number = entry.number, slug = entry.slug, hints = {}, problem = problem }
end

-- reader.lua says what is in it.
local function parse(entry, text)
  local step = { number = entry.number, slug = entry.slug, hints = {} }
  for key, value in record.each(text) do
    if key == "hint" then step.hints[#step.hints + 1] = value else step[key] = value end
  end
  return step
end

-- What scenarios say of themselves, for a list of entries: { number, slug, title,
-- symptom, difficulty, minutes, load, params, hints, problem, lesson_problem }, each, in the
-- same order. What isn't a number or a list of hints is a string, or nil. Or nil and a
-- message: descriptors or memory are short, so that one could not be read.
local function describeAll(entries)
  local files, list = {}, {}
  for i, entry in ipairs(entries) do files[i] = entry.file end
  host.read_folders(files)
  for i, entry in ipairs(entries) do
    local text, problem, kind = host.record(entry.file)
    if kind == "shortage" then return nil, problem end
    list[i] = text and parse(entry, text) or broken(entry, problem)
    if entry.clash then list[i].problem = ("there is another one, %s"):format(entry.clash) end
  end
  return list
end

-- All steps in order, how many are broken, and messages about folders that are no
-- steps, which count as broken. Or nil and a message, as describeAll.
local function read()
  local found, skipped, unread = steps.list()
  local entries, bad = {}, #skipped
  if unread and unread.status == 503 then return nil, unread.message end
  for _, entry in pairs(found) do entries[#entries + 1] = entry end
  table.sort(entries, function(a, b) return a.number < b.number end)
  local list, problem = describeAll(entries)
  if not list then return nil, problem end
  for _, step in ipairs(list) do bad = bad + ((step.problem or step.lesson_problem) and 1 or 0) end
  return list, bad, skipped
end

-- ---- text ----------------------------------------------------------------------

-- TEXT for a terminal: it can neither break its line nor send an escape sequence.
local function plain(text)
  return (text:gsub("%c", " "):gsub("\xc2[\x80-\x9f]", " "))
end

-- TEXT in lines of at most WIDTH, each behind INDENT. Commands, in backquotes,
-- stay in one piece.
local function wrap(text, indent)
  local lines, line = {}, indent
  text = plain(text):gsub("`[^`]*`", function(command) return (command:gsub(" ", "\0")) end)
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

local function effort(step)
  local parts = {}
  if step.difficulty then parts[#parts + 1] = ("difficulty %s of 5"):format(step.difficulty) end
  if step.minutes then parts[#parts + 1] = ("%s minutes"):format(step.minutes) end
  return #parts > 0 and " (" .. table.concat(parts, ", ") .. ")" or ""
end

local function describe(step, here)
  local text = ("%s step %d: %s%s\n"):format(here and ">" or " ", step.number, plain(step.title or "(no title)"),
    effort(step))
  if step.symptom then text = text .. wrap(step.symptom, "    ") end
  if step.problem then text = text .. wrap("It can't be selected: " .. step.problem:match("^[^\n]*"), "    ") end
  if step.lesson_problem then text = text .. wrap("Its lesson is broken: " .. step.lesson_problem, "    ") end
  return text
end

local function unreadable(problem) return ("the steps can't be read now: %s\n"):format(plain(problem)), 503 end

local function listAsText(question)
  local list, bad, skipped = read()
  if not list then return unreadable(bad) end
  local parts = {}
  for i, step in ipairs(list) do parts[i] = describe(step, step.number == question.step) end
  for _, message in ipairs(skipped) do parts[#parts + 1] = wrap("no step: " .. message, "  ") end
  parts[#parts + 1] = question.no_hints and "/goto?step=N selects one.\n"
    or "/goto?step=N selects one, /hint helps with the one that is selected.\n"
  return table.concat(parts, "\n"), 200, bad
end

-- ---- JSON ----------------------------------------------------------------------

-- A quote and a backslash are written as \u0022 and \u005c here.
local function quote(text)
  local body = host.json_string(text):sub(2, -2)
  return '"' .. body:gsub('\\(["\\])', function(c) return ("\\u%04x"):format(c:byte()) end) .. '"'
end

-- { key, value } pairs; a nil value is left out, and a table is { its JSON }.
local function object(pairs_)
  local parts = {}
  for _, pair in ipairs(pairs_) do
    local value = pair[2]
    if type(value) == "string" then value = quote(value) end
    if type(value) == "table" then value = value[1] end
    if value ~= nil then parts[#parts + 1] = ('"%s": %s'):format(pair[1], value) end
  end
  return "{" .. table.concat(parts, ", ") .. "}"
end

local LOAD_KEYS = { "requests", "seconds", "clients", "rate", "path", "method", "body", "timeout", "first", "beside" }

-- LOAD is a table, or nil; there is one level of loads within it.
local function loadAsJson(load, inner)
  if not load then return nil end
  local fields = {}
  for i, key in ipairs(LOAD_KEYS) do
    local value = load[key]
    if type(value) == "table" then value = not inner and loadAsJson(value, true) or nil end
    fields[i] = { key, value }
  end
  return { object(fields) }
end

-- JSON has no word for an infinite number.
local function jsonOf(value)
  if type(value) == "string" then return { quote(value) } end
  local finite = type(value) ~= "number" or value == value and math.abs(value) < math.huge
  return { finite and tostring(value) or "null" }
end

-- PARAMS is the chunk of a list (reader.lua), or nil.
local function paramsAsJson(params)
  local list = {}
  if not params then return nil end
  for i, param in ipairs(host.data(params, "params") or {}) do
    list[i] = object { { "name", param[1] }, { "default", jsonOf(param[2]) }, { "meaning", param[3] } }
  end
  return { "[" .. table.concat(list, ", ") .. "]" }
end

local function listAsJson(question)
  local list, bad, skipped = read()
  if not list then return unreadable(bad) end
  local parts, messages = {}, {}
  for i, message in ipairs(skipped) do messages[i] = quote(message) end
  for i, step in ipairs(list) do
    parts[i] = object {
      { "number", step.number }, { "slug", step.slug }, { "title", step.title }, { "symptom", step.symptom },
      { "load", loadAsJson(step.load and host.data(step.load, "load")) }, { "parameters", paramsAsJson(step.params) },
      { "difficulty", tonumber(step.difficulty) }, { "minutes", tonumber(step.minutes) },
      { "hints", question.no_hints and 0 or #step.hints }, { "problem", step.problem or step.lesson_problem },
    }
  end
  return ('{"format": "diaglab-steps/1", "step": %d, "steps": [\n%s\n], "problems": [%s]}\n'):format(question.step,
    table.concat(parts, ",\n"), table.concat(messages, ", ")), 200, bad
end

-- ---- hints ---------------------------------------------------------------------

-- nil: its folder is gone. Or nil, a status and a message.
local function hintsOf(number)
  local entry, status, message = steps.find(number)
  if not entry then return nil, status, message end
  local list, problem = describeAll { entry }
  if not list then return nil, 503, problem end
  return list[1].hints
end

local function hint(question)
  local n = question.n
  local hints, status, message = hintsOf(question.step)
  if status then return plain(message) .. "\n", status end
  if not hints then return ("step %d has no hints: it has no folder\n"):format(question.step), 404 end
  if #hints == 0 then return ("step %d has no hints\n"):format(question.step), 404 end
  if not hints[n] then return ("step %d has no hint %d\n"):format(question.step, n), 404 end
  -- How many there are isn't told: who knows that goes for the last one.
  if question.json then
    return object { { "format", "diaglab-hint/1" }, { "step", question.step }, { "n", n },
      { "more", hints[n + 1] ~= nil }, { "hint", hints[n] } } .. "\n"
  end
  local text = wrap(("hint %d: %s"):format(n, hints[n]), "")
  if hints[n + 1] then text = text .. ("/hint?n=%d goes on.\n"):format(n + 1) end
  return text
end

return function(question)
  local make = question.n and hint or question.json and listAsJson or listAsText
  local text, status, bad = make(question)
  return text, status or 200, bad or 0
end
