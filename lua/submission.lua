-- SPDX-License-Identifier: MIT
-- What a student sends as an answer: a form or JSON, made into what judge.lua
-- judges. The bytes may be anything.
--
-- submission.lua(host, parts) -> submission     parts: claim, read_json (json.lua)
-- submission.read(text, is_json) -> answer | nil, what is wrong
--
-- A form:  class=wait.lock&where=updatePrice&evidence=c3&number=20ms
--   evidence and ruled_out may come several times, or have commas; ruled_out is
--   CLASS or CLASS:EVIDENCE; class2, where2, class3, where3 are further guesses.
-- JSON:    { "format": "diaglab-answer/1", "hypotheses": [{ "class", "where" }, ...],
--   "evidence": [...], "number": "20ms", "ruled_out": [...], "confidence": 0.8 }

local host, parts = ...
local submission = {}

submission.format = "diaglab-answer/1"

local Problem = {} -- what a wrong submission raises, with its text

local function refuse(text, ...) error(setmetatable({ text = text:format(...) }, Problem), 0) end

local function refuseUnknown(what, name, known)
  local names = {}
  for key in pairs(known) do names[#names + 1] = key end
  table.sort(names)
  local meant = host.did_you_mean(name, known)
  refuse("unknown %s '%s'%s", what, name, meant ~= "" and meant .. "" or "; known are: " .. table.concat(names, ", "))
end

local TEXT_MOST = 1000 -- bytes

-- Errors quote what they refuse, in a terminal.
local function checkText(text)
  if #text > TEXT_MOST then refuse("the answer has a text of more than %d bytes", TEXT_MOST) end
  if text:find("%c") or not utf8.len(text) then refuse("the answer has bytes that are no text") end
  return text
end

-- Both searches are of one pass, however many blanks there are.
local function trim(text)
  local from = text:find("%S")
  return from and text:match(".*%S", from) or ""
end

-- "cpu.hot:c3" -> { class = "cpu.hot", evidence = "c3" }
local function ruledOut(text)
  local class, rest = trim(text):match("^([^:%s]+)(.*)$")
  local evidence = class and trim(trim(rest):gsub("^:", "", 1))
  if not class or evidence:find("%s") then
    refuse("ruled_out: '%s' isn't of the form CLASS or CLASS:CAPTURE", text)
  end
  return { class = class, evidence = evidence ~= "" and evidence or nil }
end

-- ---- forms -----------------------------------------------------------------------

local function decode(text)
  return (text:gsub("+", " "):gsub("%%(%x%x)", function(digits) return string.char(tonumber(digits, 16)) end))
end

local FORM = { class = true, where = true, class2 = true, where2 = true, class3 = true, where3 = true,
  evidence = true, number = true, ruled_out = true, confidence = true, format = true }

local function addWords(list, value)
  list = list or {}
  for word in value:gmatch("[^,%s]+") do list[#list + 1] = word end
  return list
end

local function readForm(text)
  local one, answer = {}, { hypotheses = {} }
  for pair in text:gmatch("[^&]+") do
    local key, value = pair:match("^([^=]*)=?(.*)$")
    key, value = checkText(trim(decode(key))), checkText(trim(decode(value)))
    if not FORM[key] then refuseUnknown("key", key, FORM) end
    if key == "evidence" then
      answer.evidence = addWords(answer.evidence, value)
    elseif key == "ruled_out" then
      answer.ruled_out = answer.ruled_out or {}
      for _, word in ipairs(addWords(nil, value)) do table.insert(answer.ruled_out, ruledOut(word)) end
    elseif one[key] then
      refuse("%s is there twice", key)
    elseif value ~= "" then
      one[key] = value
    end
  end
  for _, n in ipairs { "", "2", "3" } do
    if one["class" .. n] or one["where" .. n] then
      table.insert(answer.hypotheses, { class = one["class" .. n], where = one["where" .. n] })
    end
  end
  answer.number, answer.confidence = one.number, one.confidence
  return answer
end

-- ---- JSON ------------------------------------------------------------------------

local function text(v, where)
  if type(v) == "number" then return tostring(v) end
  if type(v) == "string" then return checkText(v) end
  refuse("%s must be a string", where)
end

local function listOf(v, where, read)
  if type(v) ~= "table" or (#v == 0 and next(v) ~= nil) then refuse("%s must be a list", where) end
  local out = {}
  for i, item in ipairs(v) do out[i] = read(item, ("%s[%d]"):format(where, i)) end
  return out
end

local function object(v, where, known)
  if type(v) ~= "table" or #v > 0 then refuse("%s must be an object", where) end
  for key in pairs(v) do
    if not known[key] then refuseUnknown("key", checkText(tostring(key)), known) end
  end
  return v
end

local HYPOTHESIS = { class = true, where = true }
local RULED_OUT = { class = true, evidence = true }
local ANSWER = { format = true, hypotheses = true, evidence = true, number = true, ruled_out = true,
  confidence = true }

local function hypothesis(v, where)
  object(v, where, HYPOTHESIS)
  return { class = v.class and text(v.class, where .. ".class"), where = v.where and text(v.where, where .. ".where") }
end

local function ruledOutItem(v, where)
  if type(v) == "string" then return ruledOut(checkText(v)) end
  object(v, where, RULED_OUT)
  return { class = text(v.class, where .. ".class"), evidence = v.evidence and text(v.evidence, where .. ".evidence") }
end

local function readJson(bytes)
  local v, problem = parts.read_json(bytes)
  if not v then refuse("%s", problem) end
  object(v, "the answer", ANSWER)
  if v.format ~= nil and v.format ~= submission.format then
    refuse("format must be \"%s\"", submission.format)
  end
  return {
    hypotheses = listOf(v.hypotheses or {}, "hypotheses", hypothesis),
    evidence = v.evidence and listOf(v.evidence, "evidence", text),
    number = v.number and text(v.number, "number"),
    ruled_out = v.ruled_out and listOf(v.ruled_out, "ruled_out", ruledOutItem),
    confidence = v.confidence and text(v.confidence, "confidence"),
  }
end

-- ---- both ------------------------------------------------------------------------

-- A kind of capture; a CPU profile may be called as its endpoint is.
local function kindOf(name) return name == "profile" and "cpu" or name end

local function useKinds(answer)
  for i, name in ipairs(answer.evidence or {}) do answer.evidence[i] = kindOf(name) end
  for _, item in ipairs(answer.ruled_out or {}) do item.evidence = kindOf(item.evidence) end
end

local function check(answer)
  if #answer.hypotheses > 3 then refuse("there are %d hypotheses; three are possible", #answer.hypotheses) end
  for i, h in ipairs(answer.hypotheses) do
    -- Without the first one there is no answer at all, which is told elsewhere.
    if i > 1 and not h.class then
      refuse("'%s' has no class: class2 goes with where2, class3 with where3", h.where or "")
    end
  end
  if answer.evidence and #answer.evidence > 64 then refuse("there are more than 64 pieces of evidence") end
  if answer.ruled_out and #answer.ruled_out > 64 then refuse("there are more than 64 classes in ruled_out") end
  if answer.number and not parts.claim.parseNumber(answer.number) then
    refuse("number: '%s' can't be read: write it like 5, 20ms or 10MB (units: %s)", answer.number, parts.claim.units)
  end
  local confidence = answer.confidence
  if confidence then
    local n = tonumber(confidence)
    if not n or n < 0 or n > 1 then refuse("confidence: '%s' is not a number from 0 to 1", confidence) end
    answer.confidence = n
  end
  useKinds(answer)
  return answer
end

function submission.read(bytes, isJson)
  local ok, answer = pcall(function() return check((isJson and readJson or readForm)(bytes)) end)
  if ok then return answer end
  if getmetatable(answer) ~= Problem then error(answer, 0) end
  return nil, answer.text
end

return submission
