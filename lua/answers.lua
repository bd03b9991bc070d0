-- SPDX-License-Identifier: MIT
-- Answers as fixtures: each file of answers/ must get the verdict that its name
-- begins with, and junk must never be right.
--
-- answers.lua(host, parts) -> answers     parts: classes, data, faults, fixture (which
--   says what is in a file), judge, junk, sentence, submission
-- answers.prove(folder, work, report)     adds to report.answers, .junk, .problems

local host, parts = ...
local classes, data, faults, judge = parts.classes, parts.data, parts.faults, parts.judge
local answers = {}

-- What a student who took only these profiles has seen.
local function narrow(seen, kinds, idle)
  local out = {}
  for key, value in pairs(seen) do out[key] = value end
  if kinds then
    out.profiles = {}
    for _, kind in ipairs(kinds) do
      out.profiles[kind] = seen.profiles[kind]
      if kind == "heap" then out.profiles["heap.alloc"] = seen.profiles["heap.alloc"] end
    end
    local hasMetrics = false
    for _, kind in ipairs(kinds) do hasMetrics = hasMetrics or kind == "metrics" end
    if not hasMetrics then out.after = nil end
  end
  if idle then out.requests = 0 end
  return out
end

-- The answer of the file's table T, read as the lab reads a student's; nil, and why
-- it refuses it.
local function answerOf(t)
  local hypotheses = data.list {}
  for _, n in ipairs { "", "2", "3" } do
    local class, where = t["class" .. n], t["where" .. n]
    if class or where then hypotheses[#hypotheses + 1] = { class = class, where = where } end
  end
  return parts.submission.read(data.json { hypotheses = hypotheses, evidence = t.evidence and data.list(t.evidence),
    number = t.number, ruled_out = t.ruled_out and data.list(t.ruled_out) }, true)
end

-- The parameters of the proof's visits, as of grounds.lua.
local function visitOf(f)
  local visit = { params = {}, defaults = {} }
  for name, param in pairs(f.outline.params) do
    local given = (f.lesson.params or {})[name]
    visit.defaults[name] = param[1]
    visit.params[name] = given == nil and param[1] or given
  end
  return visit
end

-- Who took "all" has profiles, too, which the lesson doesn't need and the proof doesn't
-- take: judge.lua's OTHERS.
local function othersOf(t)
  local others = {}
  for kind in pairs(t.captures and {} or parts.sentence.profiles) do others[kind] = "many" end
  return others
end

local function judgeFile(t, f, seen)
  local answer, problem = answerOf(t)
  if not answer then return { verdict = "invalid", score = 0, code = "refused", feedback = problem } end
  return judge.answer(answer, f.lesson, { narrow(seen, t.captures, t.idle) }, othersOf(t), visitOf(f))
end

local function proveFile(path, f, seen)
  local t, wrong = parts.fixture.read(path)
  if wrong[1] then return ("%s:%d: %s"):format(path, wrong[1][1], wrong[1][2]) end
  local wanted = path:match("([^/]+)$"):match("^(%a+)")
  local result = judgeFile(t, f, seen)
  if result.verdict ~= wanted then
    return ("%s: it is %s (%d points, %s: %s), not %s"):format(path, result.verdict, result.score, result.code,
      result.feedback, wanted)
  elseif t.code and result.code ~= t.code then
    return ("%s: its feedback is %s, not %s"):format(path, result.code, t.code)
  end
end

-- ---- junk ------------------------------------------------------------------------

local function topOf(p, type)
  local row = p:top({ type = type, max = 1 })[1]
  return row and row.name
end

-- Answers of somebody who doesn't know: none may be "solved".
local function junkFor(f, seen)
  local list = { { "an empty answer", {} },
    { "a class without a function", { { class = f.lesson.diagnosis.class[1] } } } }
  for _, kind in ipairs { "cpu", "wall", "heap", "goroutine", "block", "mutex" } do
    local p = seen.profiles[kind]
    local top = p and topOf(p, kind == "heap" and "alloc_space" or nil)
    if top then
      for _, class in ipairs(classes.list) do
        list[#list + 1] = { ("the top of the %s profile as %s"):format(kind, class[1]),
          { { class = class[1], where = top } } }
      end
    end
  end
  for _, class in ipairs(classes.list) do
    list[#list + 1] = { "a function that doesn't exist, as " .. class[1],
      { { class = class[1], where = "noSuchFunction" } } }
    list[#list + 1] = { "request, as " .. class[1], { { class = class[1], where = "request" } } }
  end
  return list
end

-- All classes, the right one last.
local function everyClass(f)
  local list, where = {}, f.lesson.diagnosis.where and f.lesson.diagnosis.where[1]
  local right = {}
  for _, class in ipairs(f.lesson.diagnosis.class) do right[class] = true end
  for _, wanted in ipairs { false, true } do
    for _, class in ipairs(classes.list) do
      if (right[class[1]] or false) == wanted then list[#list + 1] = { class = class[1], where = where } end
    end
  end
  return { hypotheses = list }
end

-- The right answer of somebody who took nothing, who took it when nothing ran,
-- whose captures are of a healthy program (HEALTHY, or nil), or are junk.
local function ungrounded(f, seen, healthy)
  local d = f.lesson.diagnosis
  if not d.where then return {} end
  local right = { hypotheses = faults.right(f.lesson) }
  local idle = narrow(seen, nil, true)
  idle.idle = nil -- the pause after a load can prove what a sentence says about it
  local cases = { { "the right answer without a capture", right, narrow(seen, {}) },
    { "the right answer with idle captures", right, idle },
    { "every class at once", everyClass(f), seen } }
  if healthy then cases[#cases + 1] = { "the right answer with captures of the repaired program", right, healthy } end
  local more = parts.junk.cases(f, seen, narrow)
  return table.move(more, 1, #more, #cases + 1, cases)
end

local function isBlamed(name, f, seen)
  local plain = judge.plainName(name or "", seen.slug)
  for _, one in ipairs(faults.of(f.lesson)) do
    if judge.isOneOf(plain, one.diagnosis.where) then return true end
  end
  return false
end

-- Where two faults are to be found, junk is also told beside one that is right.
local function besideRight(hypotheses, l)
  local list, right = { hypotheses }, faults.right(l)
  for i = 1, #right > 1 and #right or 0 do list[#list + 1] = { right[i], hypotheses[1] } end
  return list
end

local function proveJunk(f, seen, healthy, report)
  local problems, tried = {}, 0
  for _, junk in ipairs(junkFor(f, seen)) do
    local where = junk[2][1] and junk[2][1].where
    -- The function to blame may be on top: then the class must still be right,
    -- which is what naive solvers are told of.
    if not isBlamed(where, f, seen) then
      for _, hypotheses in ipairs(besideRight(junk[2], f.lesson)) do
        tried = tried + 1
        local result = judge.answer({ hypotheses = hypotheses }, f.lesson, { seen })
        if result.verdict == "solved" then problems[#problems + 1] = junk[1] .. " is taken for the solution" end
      end
    end
  end
  for _, case in ipairs(ungrounded(f, seen, healthy)) do
    tried = tried + 1
    if judge.answer(case[2], f.lesson, { case[3] }).verdict == "solved" then
      problems[#problems + 1] = case[1] .. " is taken for the solution"
    end
  end
  report.junk = { ok = #problems == 0, tried = tried, problems = problems }
end

-- ---- the whole -------------------------------------------------------------------

function answers.prove(f, work, report)
  local visits = work.order[1].visits
  local seen, healthy = visits.fault[#visits.fault], visits.fixed[#visits.fixed]
  local d = f.lesson.diagnosis
  if not d or not d.class or not seen then return end
  report.answers = { ok = true, problems = {}, n = 0 }
  local names = host.scan(f.dir .. "/answers") or {}
  table.sort(names)
  for _, name in ipairs(names) do
    if name:find("^[^.].*%.lua$") then
      report.answers.n = report.answers.n + 1
      local problem = proveFile(f.dir .. "/answers/" .. name, f, seen)
      if problem then table.insert(report.answers.problems, problem) end
    end
  end
  report.answers.ok = #report.answers.problems == 0
  -- "All is well" is right here, whoever says it after a look.
  if d.class[1] ~= "none" then proveJunk(f, seen, healthy, report) end
  for _, list in ipairs { report.answers.problems, report.junk and report.junk.problems or {} } do
    for _, text in ipairs(list) do table.insert(report.problems, text) end
  end
end

return answers
