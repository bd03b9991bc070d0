-- SPDX-License-Identifier: MIT
-- Lessons: what a scenario teaches, as data. Checks the form of such a table and
-- makes of it what the proof and the judgement of answers work with.
--
-- lesson.lua(parts) -> lesson      parts: fields, sentence, claim, classes
-- lesson.read(table) -> parsed, problems (fields.lua)
--
-- The parsed lesson has all that is right, in the form that the functions here and
-- in sentence.lua describe.

local parts = ...
local fields, sentence, claim, classes = parts.fields, parts.sentence, parts.claim, parts.classes
local lesson = {}

local at, complain, complainUnknown = fields.at, fields.complain, fields.complainUnknown
local text, count, words, listOf, object = fields.text, fields.count, fields.words, fields.listOf, fields.object

-- ---- diagnosis -----------------------------------------------------------------

local function class(v)
  if classes.known[v] then return v end
  if type(v) ~= "string" then return text(v) end
  complainUnknown("class", "class", v, classes.known)
end

local classList = fields.wordsOf(class)

-- { value or param, unit, question, tolerance }: a number, or the name of the
-- parameter that has it.
local function number(v)
  local kind = type(v) == "table" and type(v[1])
  if kind ~= "number" and kind ~= "string" or type(v[2]) ~= "string" or type(v[3]) ~= "string" then
    complain("type", 'must be like { 20, "ms", "for how long is the lock held?" }, or with the name of a param for 20')
    return nil
  end
  local tolerance = v[4] or 0.15
  if type(tolerance) ~= "number" or tolerance <= 0 or tolerance >= 1 then
    at(4, complain, "type", "is the tolerance: a number between 0 and 1, such as 0.15")
    return nil
  end
  local unit = v[2]:match("^%s*(.-)%s*$")
  local one = claim.parse("= 1 " .. unit) -- of the unit
  if not one or one.than then
    at(2, complain, "claim", "unknown unit '%s'; known are: %s, or \"\" for a plain number", unit, claim.units)
    return nil
  end
  return { value = kind == "number" and v[1] * one.low or nil, param = kind == "string" and v[1] or nil,
    unit = unit, kind = one.unit, question = v[3], tolerance = tolerance }
end

local faultShape = { class = classList, where = words, victims = words, number = number }

-- A fault: its class and its function.
local function fault(v, shape)
  local out = object(v, shape, "key of a diagnosis")
  if not out then return nil end
  if v.class == nil then complain("type", "class is missing: see diaglab classes") end
  local healthy = out.class and out.class[1] == "none"
  if v.where == nil and not healthy then complain("type", "where is missing: the function that is to blame") end
  return out
end

-- What else is wrong at the same time; nil, if nobody could be judged by it.
local function secondFault(v)
  local out = fault(v, faultShape)
  if out and out.class and out.class[1] == "none" then complain("type", "is a second fault: none is no fault") end
  return out and out.class and out.where and out or nil
end

local diagnosisShape = { class = classList, where = words, victims = words, number = number, also = secondFault }

local function diagnosis(v)
  local out = fault(v, diagnosisShape)
  if out and out.also and out.class and out.class[1] == "none" then
    complain("type", "there is a second fault, and no first one")
  end
  return out
end

-- ---- the whole -----------------------------------------------------------------

-- { name = true | 8 | "text" }: values for the scenario's params.
local function params(v)
  if type(v) ~= "table" then
    complain("type", "must be like { rounds = 8 }")
    return nil
  end
  local out = {}
  for key, value in pairs(v) do
    local kind = type(value)
    if type(key) ~= "string" or kind ~= "number" and kind ~= "string" and kind ~= "boolean" then
      at(key, complain, "type", "must be a number, a string or a boolean")
    else
      out[key] = value
    end
  end
  return out
end

-- The repaired program: a file beside scenario.lua, or params.
local function fixed(v)
  if type(v) == "string" then
    if v:find("^[%w_-]+%.lua$") then return { file = v } end
    return complain("type", "must be the name of a file in the folder, like fixed.lua, or a table of params")
  end
  return { params = params(v) }
end

lesson.shape = {
  title = text, symptom = text, difficulty = count(1, 5), minutes = count(1, 1000),
  tags = listOf(text, "words"), hints = listOf(text, "strings"), load = sentence.load, params = params, fixed = fixed,
  expect = listOf(sentence.read, "sentences"), keeps = listOf(sentence.read, "sentences"), diagnosis = diagnosis,
}

lesson.diagnosis_shape = diagnosisShape

-- Reads what lesson.lua returned, or those keys of a scenario.
function lesson.read(t)
  local parsed, problems = fields.read(function(v) return object(v, lesson.shape, "key of a lesson") end, t)
  return parsed or {}, problems
end

lesson.pathText = fields.pathText

return lesson
