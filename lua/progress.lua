-- SPDX-License-Identifier: MIT
-- What a student has done, added up from the events in progress.jsonl
-- (src/diagnosis/progress.h).
--
-- progress.lua(parts) -> progress      parts: data, read_json (json.lua)
-- progress.replay(text) -> { steps = { one, ... in the order of numbers }, dropped =
--   lines that can't be read }
-- progress.text(p), progress.json(p), progress.csv(p)
-- progress.steps(what progress.json has written, or "") -> the list of steps
--
-- One step: step, visits, captures, hints, answers (that were judged), score (the
-- best), solved (it was diagnosed: true or false), solved_at, class (that it was solved
-- with), minutes (until then, or so far), codes = { [code] = how often }; repairs (how
-- often one was tried), repaired, repaired_at

local parts = ...
local data = parts.data
local progress = {}

progress.format = "diaglab-progress/1"

local PAUSE_MAX = 1800 -- seconds between two events: a longer pause isn't work

-- ---- adding up -------------------------------------------------------------------

local function newStep(number)
  return { step = number, visits = 0, captures = 0, hints = 0, answers = 0, score = 0, solved = false, seconds = 0,
    repairs = 0, repaired = false, codes = {}, attempts = {}, hinted = {} }
end

-- V if it is a whole number, else 0: somebody may have written into the file.
local function whole(v) return math.type(v) == "integer" and v or 0 end

local function isEvent(e)
  return type(e) == "table" and type(e.event) == "string" and math.type(e.step) == "integer"
    and type(e.attempt) == "string" and math.type(e.seconds) == "integer"
end

-- Counts the attempt of event E, and the time since its last event.
local function follow(s, e)
  local attempt = s.attempts[e.attempt]
  if not attempt then
    attempt = { captures = 0, last = e.seconds }
    s.attempts[e.attempt] = attempt
    s.visits = s.visits + 1
  end
  local captures = whole(e.captures)
  if captures > attempt.captures then
    s.captures = s.captures + captures - attempt.captures
    attempt.captures = captures
  end
  if not s.solved then s.seconds = s.seconds + math.max(0, math.min(PAUSE_MAX, e.seconds - attempt.last)) end
  attempt.last = e.seconds
end

local function addAnswer(s, e)
  if type(e.code) == "string" then s.codes[e.code] = (s.codes[e.code] or 0) + 1 end
  if e.verdict == "invalid" then return end
  s.answers = s.answers + 1
  s.score = math.max(s.score, whole(e.score))
  if e.verdict == "solved" and not s.solved then
    s.solved, s.solved_at = true, tostring(e.at)
    s.class = type(e.class) == "string" and e.class or nil
  end
end

local function addHint(s, e)
  local key = tostring(e.hint)
  if not s.hinted[key] then s.hints = s.hints + 1 end
  s.hinted[key] = true
end

local function addRepair(s, e)
  s.repairs = s.repairs + 1
  if e.verdict == "repaired" and not s.repaired then s.repaired, s.repaired_at = true, tostring(e.at) end
end

local function addEvent(steps, e)
  if e.event == "reset" then
    for number in pairs(steps) do
      if e.step == number or e.step < 0 then steps[number] = nil end
    end
    return
  end
  local s = steps[e.step] or newStep(e.step)
  steps[e.step] = s
  if e.event == "repair" then return addRepair(s, e) end -- it comes from a process that is no visit
  follow(s, e)
  if e.event == "answer" then addAnswer(s, e) end
  if e.event == "hint" then addHint(s, e) end
end

-- A line as progress.c writes it, in its parts: to read it so takes a tenth of the time
-- that JSON in general takes, and there may be 100,000 of them. The rest of the line is
-- one of the others.
local USUAL = '^{"at": "(%d+%-%d+%-%d+T%d+:%d+:%d+Z)", "seconds": (%d+), "event": "(%a+)", "step": (%-?%d+), '
  .. '"attempt": "(%x+)", "captures": (%d+)()'
local HINT = '^, "hint": (%d+)}\n()'
local VERDICT = '^, "verdict": "([%w_. -]*)"}\n()'
local RESULT = '^, "verdict": "(%a*)", "score": (%-?%d+), "code": "([%w_.-]*)", "class": "([%w_.-]*)"}\n()'

-- Reads what is in TEXT from AT on into E, and returns where the next line begins; nil:
-- it is something else than usual.
local function readRest(e, text, at)
  if text:find("^}\n", at) then return at + 2 end
  local stop, score
  e.hint, stop = text:match(HINT, at)
  if stop then return stop end
  e.verdict, score, e.code, e.class, stop = text:match(RESULT, at)
  e.score = tonumber(score)
  if stop then return stop end
  e.verdict, stop = text:match(VERDICT, at)
  return stop
end

-- The same from the line's begin on. E serves for all lines.
local function readUsual(e, text, at)
  local seconds, step, captures, rest
  e.at, seconds, e.event, step, e.attempt, captures, rest = text:match(USUAL, at)
  if not rest then return nil end
  e.seconds, e.step, e.captures = tonumber(seconds), tonumber(step), tonumber(captures)
  e.hint, e.verdict, e.score, e.code, e.class = nil, nil, nil, nil, nil
  return readRest(e, text, rest)
end

function progress.replay(text)
  local steps, dropped, at, usual = {}, 0, 1, {}
  while at <= #text do
    local e, stop = usual, readUsual(usual, text, at)
    local line
    if not stop then
      stop = text:find("\n", at, true)
      line = text:sub(at, (stop or 0) - 1)
      e = stop and line ~= "" and parts.read_json(line)
      stop = stop and stop + 1
    end
    if isEvent(e) then
      addEvent(steps, e)
    elseif line ~= "" then
      dropped = dropped + 1
    end
    at = stop or #text + 1
  end
  local list = {}
  for _, s in pairs(steps) do
    s.minutes = math.floor(s.seconds / 6 + 0.5) / 10
    list[#list + 1] = s
  end
  table.sort(list, function(a, b) return a.step < b.step end)
  return { steps = list, dropped = dropped }
end

-- ---- writing ---------------------------------------------------------------------

function progress.text(p)
  local out = { "step  visits  captures  hints  answers  score  solved  repaired  minutes\n" }
  for _, s in ipairs(p.steps) do
    out[#out + 1] = ("%4d  %6d  %8d  %5d  %7d  %5d  %6s  %8s  %7.1f\n"):format(s.step, s.visits, s.captures,
      s.hints, s.answers, s.score, s.solved and "yes" or "no", s.repaired and "yes" or "no", s.minutes)
  end
  if #p.steps == 0 then out[#out + 1] = "Nothing was done yet.\n" end
  if p.dropped > 0 then
    out[#out + 1] = ("%d %s of the file can't be read and %s left out.\n"):format(p.dropped,
      p.dropped == 1 and "line" or "lines", p.dropped == 1 and "was" or "were")
  end
  return table.concat(out)
end

function progress.json(p)
  local steps = data.list {}
  for i, s in ipairs(p.steps) do
    steps[i] = { step = s.step, visits = s.visits, captures = s.captures, hints = s.hints, answers = s.answers,
      score = s.score, solved = s.solved, solved_at = s.solved_at, class = s.class, minutes = s.minutes,
      codes = s.codes, repairs = s.repairs, repaired = s.repaired, repaired_at = s.repaired_at }
  end
  return data.json { format = progress.format, steps = steps, dropped = p.dropped } .. "\n"
end

function progress.steps(json)
  return json ~= "" and assert(parts.read_json(json)).steps or {}
end

function progress.csv(p)
  local out = { "step,visits,captures,hints,answers,score,solved,solved_at,minutes,repairs,repaired,repaired_at\n" }
  for _, s in ipairs(p.steps) do
    out[#out + 1] = ("%d,%d,%d,%d,%d,%d,%s,%s,%.1f,%d,%s,%s\n"):format(s.step, s.visits, s.captures, s.hints, s.answers,
      s.score, tostring(s.solved), s.solved_at or "", s.minutes, s.repairs, tostring(s.repaired), s.repaired_at or "")
  end
  return table.concat(out)
end

return progress
