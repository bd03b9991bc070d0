-- SPDX-License-Identifier: MIT
-- A program may have two faults at once, and then an answer has to name both. The
-- rest of the judgement knows one fault at a time: here a lesson is taken apart, and
-- what was found of each fault is put together.
--
-- faults.lua() -> faults
-- faults.of(lesson) -> lessons       one for each fault: LESSON with its diagnosis only
-- faults.right(lesson) -> hypotheses  those of a right answer
-- faults.evidence(lesson, sentence) -> its sentences about the functions to blame that
--   one capture can show
-- faults.judge(hypotheses, lessons, score, feedback) -> result
--   score(hypothesis, lesson) -> result of judge.lua for one fault; feedback: code -> text
--
-- Which of the faults an answer is compared with is never told. That there are two is
-- told to who has found one of them, and only then.

local faults = {}

local GUESSES = 3

function faults.of(lesson)
  local d = lesson.diagnosis
  if not d or not d.also then return { lesson } end
  local list = {}
  for i, one in ipairs { d, d.also } do
    list[i] = setmetatable({ diagnosis = one }, { __index = lesson })
  end
  return list
end

function faults.right(lesson)
  local list = {}
  for i, one in ipairs(faults.of(lesson)) do
    local d = one.diagnosis
    list[i] = { class = d.class[1], where = d.where and d.where[1] }
  end
  return list
end

function faults.evidence(lesson, sentence)
  local list, where = {}, lesson.diagnosis and lesson.diagnosis.where or {}
  for _, s in ipairs(lesson.expect or {}) do
    local isAbout = false
    for _, name in ipairs(where) do isAbout = isAbout or sentence.isAbout(s, name) end
    if isAbout and sentence.isEvidence(s) then list[#list + 1] = s end
  end
  return list
end

-- ---- one fault -------------------------------------------------------------------

-- The best guess; it is the solution if it is the first one.
local function findBest(hypotheses, lesson, score)
  local result
  for rank = 1, math.min(GUESSES, #hypotheses) do
    local scored = score(hypotheses[rank], lesson)
    if rank > 1 and scored.verdict == "solved" then scored.verdict, scored.code = "partial", "rank" end
    if not result or scored.score > result.score then result = scored end
    if rank == 1 and scored.verdict == "solved" then break end
  end
  return result
end

-- ---- two faults ------------------------------------------------------------------

-- What is said of two guesses, each about another fault; one may be missing.
local function pairOf(a, b)
  local solved = (a and a.verdict == "solved" and 1 or 0) + (b and b.verdict == "solved" and 1 or 0)
  return { a = a, b = b, solved = solved, points = (a and a.score or 0) + (b and b.score or 0) }
end

local function isMore(pair, than)
  if pair.solved ~= than.solved then return pair.solved > than.solved end
  return pair.points > than.points
end

-- Which guess means which fault? So that most is right. A guess is about one only.
local function bestPair(rows)
  if #rows == 1 then
    local first, second = pairOf(rows[1][1], nil), pairOf(nil, rows[1][2])
    return second.points > first.points and second or first
  end
  local best
  for i, row in ipairs(rows) do
    for j, other in ipairs(rows) do
      local pair = i ~= j and pairOf(row[1], other[2])
      if pair and (not best or isMore(pair, best)) then best = pair end
    end
  end
  return best
end

-- The mean of both, as an answer that names one fault has half of the points.
local function halve(pair)
  local sums = {}
  for _, result in pairs { a = pair.a, b = pair.b } do
    for key, points in pairs(result.parts) do sums[key] = (sums[key] or 0) + points end
  end
  for key, points in pairs(sums) do sums[key] = points % 2 == 0 and points // 2 or points / 2 end
  return sums, (pair.points + 1) // 2
end

local function textOf(result, feedback) return result.feedback or feedback[result.code] end

-- What is said to who has found FOUND, and not what REST is about.
local function describeSecond(found, rest, feedback)
  local h = found.hypothesis
  local text = ("%s in %s is one of two: there is a second fault."):format(h.class, h.where)
  if not rest then return text .. " Say both in one answer: class2 and where2 are for the other one." end
  h = rest.hypothesis
  return ("%s Of your other guess, %s%s: %s"):format(text, h.class, h.where and " in " .. h.where or "",
    textOf(rest, feedback))
end

-- The first two guesses count.
local function isSolvedLate(result)
  return result ~= nil and result.verdict == "solved" and result.rank > 2
end

local function better(a, b)
  if not (a and b) then return a or b end
  return b.score > a.score and b or a
end

-- A guess whose function is in no capture.
local function findUnseen(rows)
  for _, row in ipairs(rows) do
    if row[1].code == "where.unknown" and row[2].code == "where.unknown" then return row[1] end
  end
end

local function combineTwo(hypotheses, lessons, score, feedback)
  local rows = {}
  for rank = 1, math.min(GUESSES, #hypotheses) do
    rows[rank] = {}
    for i, lesson in ipairs(lessons) do
      local scored = score(hypotheses[rank], lesson)
      scored.hypothesis, scored.rank = hypotheses[rank], rank
      rows[rank][i] = scored
    end
  end
  local pair = bestPair(rows)
  local a, b = pair.a, pair.b
  local parts, points = halve(pair)
  local result = { score = points, parts = parts }
  local isLate = isSolvedLate(a) or isSolvedLate(b)
  if pair.solved == 2 then
    result.verdict, result.code = isLate and "partial" or "solved", isLate and "rank" or "solved"
    result.feedback = isLate and "Both are among your guesses, but not the first two: which of them do your captures "
      .. "speak for?" or nil
    result.grounded, result.by = true, a.by or b.by
    result.by_second = a.by and b.by ~= a.by and b.by or nil
  elseif pair.solved == 1 and not isLate then
    local found, rest = a, b
    if not (a and a.verdict == "solved") then found, rest = b, a end
    -- Else names that nobody has seen could be tried for the second one.
    local unseen = findUnseen(rows)
    rest = unseen or rest
    result.verdict, result.code = unseen and "invalid" or "partial", unseen and unseen.code or "second"
    result.feedback = describeSecond(found, rest, feedback)
    result.grounded, result.by = true, found.by
  else
    local told = better(a, b)
    result.verdict, result.code, result.feedback = told.verdict, told.code, told.feedback
    if isLate then result.verdict, result.code, result.feedback = "partial", "rank", nil end
    result.grounded, result.by = told.grounded, told.by
  end
  if result.verdict == "invalid" then result.score, result.parts, result.grounded, result.by = 0, {}, false, nil end
  return result
end

function faults.judge(hypotheses, lessons, score, feedback)
  if #lessons == 1 then return findBest(hypotheses, lessons[1], score) end
  return combineTwo(hypotheses, lessons, score, feedback)
end

return faults
