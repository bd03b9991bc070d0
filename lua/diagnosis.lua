-- SPDX-License-Identifier: MIT
-- Judges what a student has sent to /lab/answer. src/diagnosis/judge.c runs this on
-- libuv's pool, in a Lua state of its own that has little time and memory.
--
-- diagnosis.lua(host) -> answer(question) -> result
--
-- question: { what = "answer", "classes" (the vocabulary), "progress", or, for the page
--   at /lab/, "page" (page.lua), "load", "source", "solution" or "repair" (page_api.lua), form =
--   "text", "json" or "csv" (only of the progress), step, attempt, submission = the
--   bytes that were sent, sums = those of the progress (src/diagnosis/standing.h) as
--   JSON, is_json, captures, first = as of evidence.lua, params = those with which the
--   step was entered, as JSON, wrong = answers of this attempt so far that were not
--   right, next_hint = the first one that wasn't told yet, or 0: the lab gives none,
--   solved = this lab has seen that the step was solved, repair = the folder with the
--   student's own programs, or "" }
-- result: { status, text, verdict, code, score, class = the first guess }: what
--   HTTP answers, and what the lab notes. Without a verdict nothing was judged.

local host = ...

local parts = host.part "parts"(host)

local function refused(question, status, text)
  return { status = status, text = parts.verdict.refused(text, question.form) }
end

-- The lesson of step NUMBER, the parameters that it has by itself, and its slug; nil:
-- it has none that an answer could be judged by; or nil, a status and a message.
local function readLesson(number)
  local entry, status, message = parts.steps.find(number)
  if not entry then return nil, status, message end
  host.read_whole { entry.file }
  local lesson, defaults = nil, {}
  local text, problem, kind = host.record(entry.file)
  if kind == "shortage" then return nil, 503, problem end
  for key, value in parts.record.each(text or "") do
    if key == "lesson" then lesson = parts.lesson.read(assert(host.data(value, "lesson"))) end
    if key == "scenario" then
      for name, param in pairs(assert(host.data(value, "scenario")).params) do defaults[name] = param[1] end
    end
  end
  if not (lesson and lesson.diagnosis and lesson.diagnosis.class) then return nil end
  return lesson, defaults, entry.slug
end

local function vocabulary(question)
  return { status = 200, text = question.form == "json" and parts.data.json { format = "diaglab-classes/1",
    classes = parts.classes.objects() } .. "\n" or parts.classes.text() }
end

-- Who is stuck is told of the next hint. How many there are isn't told.
local function offerHint(question, lesson, verdict)
  local isWrong = verdict == "wrong" or verdict == "partial"
  local n = question.next_hint
  if not isWrong or question.wrong == 0 or not (lesson.hints or {})[n] then return nil end
  return n == 1 and "There is a hint at /hint." or ("The next hint is at /hint?n=%d."):format(n)
end

local answers = { classes = vocabulary }

function answers.progress(question)
  return { status = 200, text = parts.progress[question.form](parts.progress.read(question.sums)) }
end

function answers.page(question)
  local facts = assert(parts.read_json(question.submission))
  return { status = 200, text = parts.page(facts, question.sums, function() return parts.page_api.offer(question) end) }
end

for _, what in ipairs { "load", "source", "solution", "repair" } do
  answers[what] = function(question) return parts.page_api[what](question) end
end

return function(question)
  if answers[question.what] then return answers[question.what](question) end
  local answer, problem = parts.submission.read(question.submission, question.is_json)
  if not answer then return refused(question, 400, problem) end
  local lesson, defaults, slug = readLesson(question.step)
  if not lesson then
    local status, message = defaults, slug
    return refused(question, status or 404,
      message or ("step %d has no lesson by which an answer could be judged"):format(question.step))
  end
  local views, others = parts.evidence.views(question.captures, answer, question.first)
  local visit = { params = parts.read_json(question.params) or {}, defaults = defaults, slug = slug }
  local result = parts.judge.answer(answer, lesson, views, others, visit)
  if parts.judge.refusals[result.code] then return refused(question, 400, result.feedback) end
  local looked = parts.evidence.wanted(views, answer.evidence)
  local facts = { step = question.step, attempt = question.attempt, looked = looked,
    after = offerHint(question, lesson, result.verdict), repair = lesson.fixed ~= nil }
  return { status = 200, text = parts.verdict[question.form](result, facts),
    verdict = result.verdict, code = result.code, score = result.score, class = answer.hypotheses[1].class }
end
