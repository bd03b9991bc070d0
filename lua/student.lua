-- SPDX-License-Identifier: MIT
-- Is an exercise solvable? Somebody who looks at all that the lab shows, under the
-- load that the lesson advises, gives the right answer to a lab, as a student does.
--
-- student.lua(host, parts) -> student     parts: data, faults, read_json, visit
-- student.prove(folder, work, report)     work: as of prove.lua; adds to
--   report.student { ok, problems } and to report.problems

local host, parts = ...
local data, visit = parts.data, parts.visit
local student = {}

local PPROF = "/debug/pprof/"
local AGENT = "a student" -- whose captures are kept, unlike those of the kit
local TIMES = { 1, 3, 9 } -- as much of the load, if the samples are too few

-- What a student takes after the load.
local TOTALS = { "heap?gc=1", "allocs", "goroutine", "block", "mutex", "threadcreate", "goroutineleak",
  "lab.OpenFiles" }
local RECORDED = { "profile", "wall" }
local NUMBERS = { "/metrics", "/debug/vars" }

-- ---- what is looked at -----------------------------------------------------------

local function recordings(lab, seconds)
  local jobs = {}
  for i, name in ipairs(RECORDED) do
    jobs[i] = { get = visit.url(lab, ("%s%s?seconds=%d&hz=500"):format(PPROF, name, seconds)), agent = AGENT,
      timeout = seconds + 60 }
  end
  return jobs
end

local function addTotals(jobs, lab, own, follows)
  local function add(path) jobs[#jobs + 1] = { get = visit.url(lab, path), agent = AGENT, follows = follows } end
  for _, path in ipairs(NUMBERS) do add(path) end
  for _, name in ipairs(TOTALS) do add(PPROF .. name) end
  for _, name in ipairs(own) do add(PPROF .. name) end
end

-- The program's own profiles that the lesson speaks of.
local function ownProfiles(l)
  local names, known = {}, { cpu = true, wall = true, ["lab.OpenFiles"] = true }
  for _, s in ipairs(l.expect or {}) do
    local name = s.subject.profile
    if name and name:find(".", 1, true) and not known[name] then
      names[#names + 1] = name
      known[name] = true
    end
  end
  return names
end

local function isAboutPause(l)
  for _, s in ipairs(l.expect or {}) do
    if s.during == "idle" then return true end
  end
  return false
end

local function look(lab, l, load, seconds)
  local jobs = recordings(lab, seconds)
  local job = { url = visit.url(lab, ""), after = 0.05 }
  for key, value in pairs(load) do job[key] = value end
  jobs[#jobs + 1] = { load = job, after = 0.05 }
  local at = #jobs
  for _, path in ipairs { PPROF .. "goroutine", table.unpack(NUMBERS) } do
    jobs[#jobs + 1] = { get = visit.url(lab, path), agent = AGENT, after = 0.05 + (seconds - 1) / 2 }
  end
  addTotals(jobs, lab, ownProfiles(l), at)
  local results = host.together(jobs)
  if isAboutPause(l) then
    jobs = {}
    addTotals(jobs, lab, {})
    host.together(jobs)
    host.together(recordings(lab, 1))
    jobs = {}
    addTotals(jobs, lab, {})
    host.together(jobs)
  end
  return results[at].elapsed
end

-- ---- the answer ------------------------------------------------------------------

local function answer(lab, hypotheses)
  local text = data.json { format = "diaglab-answer/1", hypotheses = data.list(hypotheses) }
  local result = host.together({ { post = visit.url(lab, "/lab/answer?format=json"), body = text,
    type = "application/json", agent = AGENT } })[1]
  local verdict = result.body and parts.read_json(result.body)
  if type(verdict) ~= "table" or not verdict.verdict then
    return { verdict = "not judged", feedback = result.error or result.body }
  end
  return verdict
end

local ADVICE = {
  ["where.unknown"] = "no profile shows this function, so a sentence that one capture can show must be about it",
  ["evidence.none"] = "no sentence about it holds in what a student sees: it needs one that is about a profile, a " ..
    "metric or memstats, and has no always, no x fixed, no x baseline and no load of its own",
  ["evidence.healthy_too"] = "what is said about it holds always: it needs a sentence about the fault",
  ["evidence.few"] = "a load with more requests has more samples",
}

local function problemOf(hypotheses, verdict)
  local advice, says = ADVICE[verdict.code], {}
  for i, h in ipairs(hypotheses) do says[i] = h.where and ("%s in %s"):format(h.class, h.where) or h.class end
  local right = table.concat(says, " and ")
  local judged = verdict.code and ("%s (%s)"):format(verdict.verdict, verdict.code) or verdict.verdict
  return ("a student can't solve it: %s, with all profiles, /metrics and /debug/vars of the lesson's load, is %s: %s%s")
    :format(right, judged, verdict.feedback or "no answer", advice and " What to do: " .. advice or "")
end

-- ---- the whole -------------------------------------------------------------------

local function scaled(load, times)
  local out = {}
  for key, value in pairs(load) do out[key] = value end
  if out.requests then out.requests = out.requests * times end
  if out.seconds then out.seconds = out.seconds * times end
  return out
end

-- All that is right: each function of each fault.
local function rightAnswers(l)
  local list = {}
  for i, one in ipairs(parts.faults.of(l)) do
    for _, where in ipairs(one.diagnosis.where or { false }) do
      local hypotheses = parts.faults.right(l)
      hypotheses[i].where = where or nil
      list[#list + 1] = hypotheses
    end
  end
  return list
end

-- Visits the program, and answers. Returns { problems }, and whether there were too
-- few samples.
local function tryOnce(f, work, times, expected)
  local program = work.programs.fault
  local load = scaled(f.lesson.load or { requests = 1, clients = 1, path = "/", method = "GET", timeout = 10 }, times)
  local name = ("%s/student-%d"):format(work.temp, times)
  local plan = { scenarios = program.scenarios, number = program.number, slug = program.slug, params = program.params,
    log = name .. ".log", temp = name }
  local lab <close> = visit.enter(plan)
  look(lab, f.lesson, load, math.max(1, math.ceil(expected * times * 1.2 + 0.2)))
  local problems, few = {}, false
  for _, hypotheses in ipairs(rightAnswers(f.lesson)) do
    local verdict = answer(lab, hypotheses)
    if verdict.verdict ~= "solved" then
      problems[#problems + 1] = problemOf(hypotheses, verdict)
      few = few or verdict.code == "evidence.few" or verdict.code == "second"
    end
  end
  return problems, few
end

function student.prove(f, work, report)
  local l = f.lesson
  if not l.diagnosis or not l.diagnosis.class then return end
  local known = l.load and work.series[data.chunk(l.load)]
  local problems, few
  for _, times in ipairs(TIMES) do
    problems, few = tryOnce(f, work, times, known and known.expected.fault or 0.5)
    if not few then break end
  end
  report.student = { ok = #problems == 0, problems = problems }
  for _, text in ipairs(problems) do table.insert(report.problems, text) end
end

return student
