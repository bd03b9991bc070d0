-- SPDX-License-Identifier: MIT
-- The proof of an exercise: its sentences hold with the fault and fail with the
-- repaired program, what it is for works in both, and leaving it gives all back.
--
-- prove.lua(host, parts) -> prove     parts: data, faults, lesson, measure, sentence,
--   visit, answers, student, naive, kept, left, reason
-- prove.folder(folder, options, tell) -> report
--
-- options: { rounds = 3, evidence = folder or nil, seed = N or nil, turn = file or
--   nil, at which visits take turns with those of other processes }
-- tell(stage, what, part) is called when something begins: WHAT of the STAGE, or nil;
-- PART of the whole (0 to 1) is done, as far as one knows.
-- report:
--   name, verdict       "proven", "not proven" or "inconclusive"
--   seconds             that it took
--   sentences           { { text, file, line, key, verdict, fault, fixed, reason,
--                       top = { lines }, evidence = path } ... }
--   left, answers, junk, student, naive     { ok, problems = { texts } }; naive: what solved it
--   problems            texts of all that isn't proven

local host, parts = ...
local data, faults, measure = parts.data, parts.faults, parts.measure
local prove = {}

local ROUNDS, ROUNDS_MAX = 3, 9

-- Profiles that students take, so answers and naive solvers get them, too.
local STUDENTS_KINDS = { cpu = true, wall = true, heap = true, goroutine = true, block = true, mutex = true,
  ["lab.OpenFiles"] = true }

-- ---- the two programs ------------------------------------------------------------

local function try(ok, message) return ok or error(message, 0) end

-- A folder of scenarios in ROOT that has only F's; SCENARIO replaces scenario.lua.
local function layOut(root, f, scenario)
  local dir = root .. "/" .. f.name
  try(host.make_folder(root))
  if not scenario then
    try(host.link(try(host.realpath(f.dir)), dir))
    return root
  end
  try(host.make_folder(dir))
  for _, name in ipairs(try(host.scan(f.dir))) do
    if name ~= "." and name ~= ".." and name ~= "scenario.lua" then
      try(host.link(try(host.realpath(f.dir .. "/" .. name)), dir .. "/" .. name))
    end
  end
  try(host.link(try(host.realpath(scenario)), dir .. "/scenario.lua"))
  return root
end

local function merge(a, b)
  local out = {}
  for key, value in pairs(a or {}) do out[key] = value end
  for key, value in pairs(b or {}) do out[key] = value end
  return out
end

-- name -> { scenarios, number, slug, params }
local function layOutPrograms(f, temp)
  local l = f.lesson
  local programs = {}
  local fault = layOut(temp .. "/fault", f)
  programs.fault = { scenarios = fault, number = f.number, slug = f.slug, params = l.params or {} }
  if l.fixed then
    local fixed = f.fixed_file and layOut(temp .. "/fixed", f, f.fixed_file) or fault
    programs.fixed = { scenarios = fixed, number = f.number, slug = f.slug, params = merge(l.params, l.fixed.params) }
  end
  programs.baseline = { scenarios = fault, number = 0, slug = "baseline", params = {} }
  return programs
end

-- ---- visits ----------------------------------------------------------------------

local work -- of the folder that is proven: { f, options, programs, names, series, temp, tell, stage, visits }

-- Stages, and how much of the work is done when each begins: most of it is visits.
local STAGES = { sentences = 0, ["more clients"] = 0.85, answers = 0.92, ["as a student"] = 0.93, evidence = 0.96,
  repair = 0 }
local NAME_OF = { fault = "with the fault", fixed = "repaired", baseline = "step 0" }
local REPAIR_NAME_OF = { fault = "your program", fixed = "the lesson's own repair", baseline = "step 0" }

-- As much of the visits that each series is to have as was made.
local function partOfVisits()
  local programs = work.programs.fixed and 2 or 1
  local planned = #work.order * (work.options.rounds or ROUNDS) * programs
  return math.min(0.99, (work.visits - 1) / math.max(1, planned)) -- some are made again
end

local function announce(which)
  local begins, part = STAGES[work.stage] or 0, 0
  if work.stage == "sentences" then part = partOfVisits() * STAGES["more clients"] end
  if work.stage == "repair" then part = partOfVisits() end
  work.tell(work.stage, work.names[which], begins + part)
end

-- Would another lab beside change what S says? Counts and shares are of one process; the clock is everybody's.
local function isTimed(s)
  local subject = s.subject
  return subject.latency ~= nil or subject.status == "none" or s.at == "load"
    or s.value ~= nil and s.value.per == "second"
    or subject.profile == "wall" or subject.type == "delay"
    or subject.metric ~= nil and subject.unit == "seconds"
end

local function kindsOf(s, series)
  series.timed = series.timed or isTimed(s)
  local kinds, looks = series.kinds, series.looks
  if s.during == "enter" then
    series.entering = series.entering or {}
    kinds = series.entering
  elseif s.during == "idle" then
    series.idle = series.idle or {}
    kinds = series.idle
  end
  local subject = s.subject
  if subject.profile then kinds[subject.profile] = true end
  if s.at == "load" then looks[subject.profile or subject.metric and "metrics" or "memstats"] = true end
end

-- The visits with one load: a series. Sentences with equal loads share one, but for a CROWD's: it comes later.
local function seriesOf(load, crowd)
  local key = (crowd and "crowd " or "") .. data.chunk(load)
  local series = work.series[key]
  if not series then
    series = { load = load, visits = { fault = {}, fixed = {}, baseline = {} }, kinds = {}, looks = {}, expected = {},
      enters = {}, sentences = {} }
    work.series[key] = series
    work.order[#work.order + 1] = series
  end
  return series
end

-- How long a profile must be for what is expected to take so many seconds.
local function secondsFor(expected) return math.max(1, math.ceil(expected * 1.2 + 0.2)) end

local function visitOnce(series, which)
  local program = work.programs[which]
  local expected = series.expected[which] or 0.5
  work.visits = work.visits + 1
  announce(which)
  local plan = { scenarios = program.scenarios, number = program.number, slug = program.slug, params = program.params,
    load = series.load, kinds = series.kinds, looks = series.looks, idle = series.idle, expected = expected,
    seconds = secondsFor(expected), entering = series.entering,
    entering_seconds = secondsFor(series.enters[which] or 0.5), sample = work.sample,
    log = ("%s/log-%d"):format(work.temp, work.visits), temp = ("%s/files-%d"):format(work.temp, work.visits),
    turn = work.options.turn, alone = series.timed, trace = work.stage == "evidence" }
  if which == "baseline" then plan.load = merge(series.load, { path = "/" }) end
  local seen = parts.visit.make(plan)
  seen.log = plan.log
  return seen
end

local TRIES = 6 -- on a busy machine the same load may take several times as long

-- One more visit. Its CPU and wall profile must cover the load: if the load took
-- longer than was expected, the visit is made again, with longer ones.
local function addVisit(series, which)
  for _ = 1, TRIES do
    local seen = visitOnce(series, which)
    local known = series.expected[which]
    local room = seen.short and 1.5 or 1
    series.expected[which] = room * seen.elapsed
    series.enters[which] = seen.entering and room * seen.entering.elapsed
    local looked = not next(series.looks) or (known and seen.elapsed < 3 * known and seen.elapsed > known / 3)
    if not seen.short and looked then
      table.insert(series.visits[which], seen)
      return
    end
  end
  error(("%s: its load, or to enter it, takes a different time with each visit, so no profile covers it")
    :format(which), 0)
end

local function addRound(series)
  addVisit(series, "fault")
  if work.programs.fixed then addVisit(series, "fixed") end
  if series.compares then addVisit(series, "baseline") end
end

-- ---- sentences -------------------------------------------------------------------

local function othersOf(s, series, which)
  local than = s.value and s.value.than
  if than == "alone" then return s.alone and s.alone.visits[which] end
  return than == "baseline" and series.visits.baseline or series.visits.fixed
end

local function isRelative(s)
  local than = s.value and s.value.than
  return than == "fixed" or than == "baseline"
end

-- { verdict, text } for both programs. What compares with the repaired one says nothing of it, nor do another's lines.
local function judgeSentence(s)
  local series, row = s.series, { sentence = s }
  row.fault, row.fault_text = measure.judge(s, series.visits.fault, othersOf(s, series, "fault"))
  if work.programs.fixed and not isRelative(s) and not (s.line and work.f.fixed_file) then
    row.fixed, row.fixed_text = measure.judge(s, series.visits.fixed, othersOf(s, series, "fixed"))
  end
  return row
end

-- Of a student's program no more is needed once the fault was seen in it; nor is the lesson's own repair judged.
local function isUnsettled(series)
  local unsettled, isRepair = false, work.stage == "repair"
  for _, s in ipairs(series.sentences) do
    local row = judgeSentence(s)
    if isRepair and row.fault == "yes" and not (s.keeps or s.always) then return false end
    unsettled = unsettled or row.fault == "inconclusive" or not isRepair and row.fixed == "inconclusive"
  end
  return unsettled
end

local function topLines(s, seen)
  local p = measure.profilesOf(s, seen)[1]
  if not p then return {} end
  local filter = measure.filterOf(s, seen)
  local scale = s.subject.unit == "seconds" and 1e-9 or 1
  local whole = { scenario = seen.slug, only_scenario = not s.all, type = filter.type, max = 5, by_cum = true }
  local lines = {}
  for i, row in ipairs(p:top(whole)) do
    lines[i] = ("%12s %12s  %s"):format(measure.show(row.flat * scale, s.subject.unit),
      measure.show(row.cum * scale, s.subject.unit), row.name)
  end
  return lines
end

local function evidenceFolder()
  if not work.evidence then
    work.evidence = work.options.evidence or try(host.kept_folder())
  end
  return work.evidence
end

-- Writes the profile that a failed sentence is about, and says where.
local function keepProfile(s, seen, number)
  local p = measure.profilesOf(s, seen)[1]
  if not p then return nil end
  local path = ("%s/%s-%d-%s.pb.gz"):format(evidenceFolder(), work.f.name, number, s.subject.profile)
  local i = 1
  while host.exists(path) do
    path = ("%s/%s-%d-%s.%d.pb.gz"):format(evidenceFolder(), work.f.name, number, s.subject.profile, i)
    i = i + 1
  end
  return host.write_new(path, p:bytes()) and path or nil
end

local function reportRow(row, keeps, number)
  local s = row.sentence
  local verdict, reason = parts.reason.conclude(row, keeps)
  s.failed = verdict == "no"
  if s.failed then
    local errors = parts.reason.of_errors(row)
    reason = reason .. (errors ~= "" and errors or parts.reason.of_parts(row))
  end
  local file, line = work.f.locate(table.unpack(s.path))
  local out = { text = s.text, file = file, line = line, key = parts.lesson.pathText(s.path), verdict = verdict,
    fault = row.fault_text, fixed = row.fixed_text, reason = reason, always = s.always or keeps or false }
  if verdict ~= "yes" and s.subject.profile then
    local wrong = row.fault == "yes" and s.series.visits.fixed or s.series.visits.fault
    local seen = wrong[#wrong]
    if seen then
      out.top = topLines(s, seen)
      out.evidence = keepProfile(s, seen, number)
    end
  end
  return out
end

-- The series with what one client sees, for sentences that compare with it. They
-- come last: the first series is the lesson's load.
local function planAlone(sentences)
  for _, s in ipairs(sentences) do
    local load = s.value and s.value.than == "alone" and parts.sentence.alone(s.series.load)
    if load then
      s.alone = seriesOf(load)
      s.alone.timed = true
    end
  end
end

local function planSentences()
  local l = work.f.lesson
  local all = {}
  for _, key in ipairs { "expect", "keeps" } do
    for _, s in ipairs(l[key] or {}) do
      s.series = seriesOf(s.load or l.load or { requests = 1, clients = 1, path = "/", method = "GET", timeout = 10 })
      s.keeps = key == "keeps"
      kindsOf(s, s.series)
      s.series.compares = s.series.compares or s.value and s.value.than == "baseline"
      table.insert(s.series.sentences, s)
      all[#all + 1] = s
    end
  end
  planAlone(all)
  return all
end

-- Visits until all sentences of SERIES are settled, or it was tried often enough.
local function settle(series)
  for _ = 1, work.options.rounds or ROUNDS do addRound(series) end
  local rounds = work.options.rounds or ROUNDS
  while rounds < ROUNDS_MAX and isUnsettled(series) do
    addRound(series)
    rounds = rounds + 1
  end
end

-- ---- evidence with more clients --------------------------------------------------

-- A student's load is another one. What an answer is grounded on must also hold
-- with four times the clients. What fails with few needs no more.
local function planCrowd(fault)
  local crowded = {}
  for _, s in ipairs(faults.evidence(fault, parts.sentence)) do
    if s.during == "load" and not s.failed then
      local load = merge(s.series.load, { clients = s.series.load.clients * 4 })
      if load.requests then load.requests = math.max(load.requests, load.clients) end
      s.crowd = seriesOf(load, true)
      kindsOf(s, s.crowd)
      s.crowd.expected.fault = s.crowd.expected.fault or s.series.expected.fault -- about as long
      crowded[#crowded + 1] = s
    end
  end
  return crowded
end

local function proveFaultOfCrowd(crowded, report)
  local refused = {}
  for _, s in ipairs(crowded) do
    if #s.crowd.visits.fault == 0 then addVisit(s.crowd, "fault") end
    local verdict, text = measure.judge(s, s.crowd.visits.fault)
    if verdict ~= "yes" and verdict ~= "inconclusive" then
      refused[#refused + 1] = ("%s: with %d clients: %s"):format(s.text, s.crowd.load.clients, text)
    end
  end
  if #crowded > 0 and #refused == #crowded then
    table.insert(report.problems, "no sentence about the function to blame holds with four times the clients: " ..
      "an honest student would be refused. " .. table.concat(refused, "; "))
  else
    table.move(refused, 1, #refused, #report.crowd + 1, report.crowd)
  end
end

local function proveCrowd(report)
  work.stage = "more clients"
  local plans = {}
  for i, fault in ipairs(faults.of(work.f.lesson)) do plans[i] = planCrowd(fault) end
  for _, crowded in ipairs(plans) do proveFaultOfCrowd(crowded, report) end
end

-- ---- evidence to teach with -------------------------------------------------------

-- One more visit of each program: a trace would cost the others time.
local function keepEvidence(report)
  local root, series = work.options.evidence, work.order[1]
  if not root or not series then return end
  work.stage = "evidence"
  local visits = {}
  for _, which in ipairs { "fault", "fixed" } do
    if work.programs[which] then visits[which] = visitOnce(series, which) end
  end
  parts.kept.write(("%s/%s"):format(root, work.f.name), visits, report)
end

-- ---- the whole -------------------------------------------------------------------

local function proveSentences(report)
  local sentences = planSentences()
  if #sentences == 0 then
    table.insert(report.problems, "the lesson has no sentence: there is nothing to prove")
    return
  end
  for kind in pairs(STUDENTS_KINDS) do work.order[1].kinds[kind] = true end
  for i = 1, #work.order do settle(work.order[i]) end
  for i, s in ipairs(sentences) do
    local row = reportRow(judgeSentence(s), s.keeps, i)
    report.sentences[#report.sentences + 1] = row
    if row.verdict == "no" then
      table.insert(report.problems, ("%s:%d: %s: %s"):format(row.file, row.line, row.text, row.reason))
    elseif row.verdict == "inconclusive" then
      report.unsettled = true
    end
  end
end

local function prepare(f, options, tell, temp)
  work = { f = f, options = options, tell = tell, temp = temp, series = {}, order = {}, visits = 0,
    stage = "sentences", names = NAME_OF }
  local programs = layOutPrograms(f, temp)
  for _, program in pairs(programs) do
    if options.seed and f.outline.params.seed then program.params.seed = options.seed end
  end
  work.programs = programs
end

local function isHealthy(l)
  return l.diagnosis and l.diagnosis.class and l.diagnosis.class[1] == "none"
end

local function verdictOf(report)
  return #report.problems > 0 and "not proven" or report.unsettled and "inconclusive" or "proven"
end

function prove.folder(f, options, tell)
  local began = host.now()
  local report = { name = f.name, sentences = {}, problems = {}, crowd = {} }
  local temp = try(host.temp_folder())
  local guard <close> = setmetatable({}, { __close = function() host.remove_tree(temp) end }) -- luacheck: ignore
  local ok, problem = pcall(function()
    prepare(f, options, tell, temp)
    proveSentences(report)
    if #report.sentences > 0 then
      proveCrowd(report)
      parts.left.prove(work.order, report)
      work.stage = "answers"
      announce()
      parts.answers.prove(f, work, report)
      work.stage = "as a student"
      announce("fault")
      parts.student.prove(f, work, report)
      report.naive = parts.naive.solve(f, work.order[1].visits.fault[1])
    end
  end)
  if ok then
    report.verdict = verdictOf(report)
    ok, problem = pcall(keepEvidence, report)
  end
  if not ok then
    if host.interrupted() then error(problem, 0) end
    table.insert(report.problems, tostring(problem))
  end
  report.no_fixed = not f.lesson.fixed and not isHealthy(f.lesson)
  report.verdict = verdictOf(report)
  report.seconds = host.now() - began
  work = nil
  return report
end

-- ---- a student's repair ----------------------------------------------------------

-- The parameters of the fault run that REPAIRED still has as F has them: another
-- default is a part of the repair.
local function paramsOf(f, repaired)
  local out = {}
  for name, value in pairs(f.lesson.params or {}) do
    local mine, its = repaired.outline.params[name], f.outline.params[name]
    if mine and mine[1] == its[1] then out[name] = value end
  end
  return out
end

local function prepareRepair(f, repaired, tell, temp)
  work = { f = f, options = {}, tell = tell, temp = temp, series = {}, order = {}, visits = 0, sample = true,
    stage = "repair", names = REPAIR_NAME_OF }
  local programs = layOutPrograms(f, temp)
  programs.fault = { scenarios = layOut(temp .. "/repaired", repaired), number = f.number, slug = repaired.slug,
    params = paramsOf(f, repaired) }
  work.programs = programs
end

-- Sorts what a sentence says of the student's program: what of the fault is still
-- there, what doesn't work any more, and what can't be told.
local function sortSentence(s, found)
  if s.line then return end -- a repair moves lines
  local row = judgeSentence(s)
  local text = ("%s (%s)"):format(s.text, row.fault_text or "")
  if row.fault == "inconclusive" then
    table.insert(found.unclear, text)
  elseif s.keeps or s.always then
    if row.fault ~= "yes" then table.insert(found.broken, text) end
  elseif row.fault == "yes" then
    table.insert(found.there, text)
  end
end

-- What the exercise F says of REPAIRED, a folder with a student's program: {
-- there, broken, unclear = texts of sentences, order = series with visits of both
-- programs, problem = why there are none, seconds }. TELL is as above.
function prove.repair(f, repaired, tell)
  local began = host.now()
  local found = { there = {}, broken = {}, unclear = {}, order = {} }
  local temp = try(host.temp_folder())
  local guard <close> = setmetatable({}, { __close = function() host.remove_tree(temp) end }) -- luacheck: ignore
  local ok, problem = pcall(function()
    prepareRepair(f, repaired, tell, temp)
    local sentences = planSentences()
    for i = 1, #work.order do settle(work.order[i]) end
    for _, s in ipairs(sentences) do sortSentence(s, found) end
    found.order = work.order
  end)
  work = nil
  if not ok and host.interrupted() then error(problem, 0) end
  found.problem, found.seconds = not ok and tostring(problem) or nil, host.now() - began
  return found
end

return prove
