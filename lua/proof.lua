-- SPDX-License-Identifier: MIT
-- diaglab test: proves exercises (prove.lua), shows progress, and reports as text,
-- JSON or JUnit.
--
-- proof.lua(host, parts) -> the verb, for kit.lua

local host, parts = ...
local data = parts.data

-- ---- progress --------------------------------------------------------------------

-- On a terminal one line that changes; else a line for each stage that begins. What
-- is expected is what was needed so far, for all that is to be done.
local function newProgress(total)
  local progress = { done = 0, began = host.now() }
  local live, line, stages = host.is_terminal(), "", {}
  local function clockOf(done)
    local elapsed = host.now() - progress.began
    local expected = done > 0.05 and (" of about %.0f s"):format(elapsed / done * total) or ""
    return ("%.0f s%s"):format(elapsed, expected)
  end
  local function write(text, done)
    line = ("%s  %s"):format(text, clockOf(done))
    host.live(line)
  end
  -- Once for each stage of the exercise NAME.
  local function begin(name, stage, done)
    if stages[name] == stage then return end
    stages[name] = stage
    host.err(("%s: %s  %s\n"):format(name, stage, clockOf(done)))
  end
  -- WHAT, or nil, of STAGE begins; PART of the exercise is done.
  function progress.show(name, stage, what, part)
    local done = progress.done + part
    if not live then return begin(name, stage, done) end
    write(("%d of %d  %s: %s"):format(progress.done + 1, total, name, what and stage .. ", " .. what or stage), done)
  end
  -- Of several at a time: RUNNING, each { name, what progress.plain has written }; and
  -- so many have ended.
  function progress.show_all(running, ended)
    progress.done = ended
    local names = {}
    for i, job in ipairs(running) do
      names[i] = ("%s (%s)"):format(job.name, job.says)
      if not live and job.says ~= "" then begin(job.name, job.says:match("^[^,]*"), ended) end
    end
    if live then write(("%d of %d done, %s"):format(ended, total, table.concat(names, ", ")), ended) end
  end
  function progress.clear()
    if live and line ~= "" then host.live "" end
    line = ""
  end
  return progress
end

-- ---- text ------------------------------------------------------------------------

local function printSentence(row)
  host.out(("    %s:%d: %s\n"):format(row.file, row.line, row.text))
  host.out(("      seen: %s\n"):format(row.fault or "nothing"))
  if row.fixed then host.out(("      repaired: %s\n"):format(row.fixed)) end
  host.out(("      %s: %s\n"):format(row.verdict == "no" and "why" or "inconclusive", row.reason))
  if row.top and #row.top > 0 then
    host.out("      top of the profile (flat, cum):\n")
    for _, line in ipairs(row.top) do host.out("      " .. line .. "\n") end
  end
  if row.evidence then host.out("      profile: " .. row.evidence .. "\n") end
end

local function printDetails(report, verbose)
  for _, row in ipairs(report.sentences) do
    if row.verdict ~= "yes" then
      printSentence(row)
    elseif verbose then
      host.out(("    ok %s\n       fault: %s%s\n"):format(row.text, row.fault,
        row.fixed and "; repaired: " .. row.fixed or ""))
    end
  end
  for _, list in ipairs { "left", "answers", "junk", "student" } do
    for _, text in ipairs(report[list] and report[list].problems or {}) do host.out("    " .. text .. "\n") end
  end
  for _, text in ipairs(report.plain) do host.out("    " .. text .. "\n") end
  for _, text in ipairs(report.warnings) do host.out("    warning: " .. text .. "\n") end
end

-- What solvers that don't think would answer.
local function printSolvers(report)
  local guesses = report.naive and report.naive.guesses or {}
  if #guesses > 0 then host.out(("  %-44s %-18s %-20s %s\n"):format("naive solver", "class", "where", "verdict")) end
  for _, guess in ipairs(guesses) do
    host.out(("  %-44s %-18s %-20s %s\n"):format(guess.name, guess.class or "-", guess.where or "-", guess.verdict))
  end
end

local function countSentences(reports)
  local held, all = {}, #reports
  for _, report in ipairs(reports) do
    for i, row in ipairs(report.sentences) do held[i] = (held[i] or 0) + (row.verdict == "yes" and 1 or 0) end
  end
  return held, all
end

local function printReport(entry, options)
  local last = entry.reports[#entry.reports]
  host.out(("%-18s %-12s %5.1f s  %s\n"):format(entry.name, entry.verdict, entry.seconds,
    ("%d sentences"):format(#last.sentences)))
  if #entry.reports > 1 then
    local held, all = countSentences(entry.reports)
    for i, row in ipairs(last.sentences) do host.out(("    %d of %d  %s\n"):format(held[i] or 0, all, row.text)) end
  end
  local shown = {}
  for _, report in ipairs(entry.reports) do
    if report.verdict ~= "proven" and not shown[report.verdict] or report == last then
      printDetails(report, options.verbose)
      shown[report.verdict] = true
    end
  end
  if options.verbose or options.single then printSolvers(last) end
end

-- ---- machines --------------------------------------------------------------------

local function jsonOf(entries)
  local list = data.list {}
  for i, entry in ipairs(entries) do
    local runs = data.list {}
    for j, report in ipairs(entry.reports) do
      local sentences = data.list {}
      for k, row in ipairs(report.sentences) do
        sentences[k] = { text = row.text, file = row.file, line = row.line, verdict = row.verdict, fault = row.fault,
          fixed = row.fixed, reason = row.reason, evidence = row.evidence }
      end
      runs[j] = { verdict = report.verdict, seconds = report.seconds, sentences = sentences,
        problems = data.list(report.problems), warnings = data.list(report.warnings),
        naive = report.naive and data.list(report.naive.guesses) or nil }
    end
    list[i] = { name = entry.name, verdict = entry.verdict, seconds = entry.seconds, runs = runs }
  end
  return data.json { scenarios = list } .. "\n"
end

local function escapeXml(text)
  text = text:gsub("[%c]", function(c) return c == "\n" and "&#10;" or " " end)
  return (text:gsub("[&<>\"]", { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }))
end

-- What naive solvers have solved, as properties.
local function propertiesOf(entries)
  local out = { "  <properties>\n" }
  for _, entry in ipairs(entries) do
    local last = entry.reports[#entry.reports]
    for _, guess in ipairs(last.naive and last.naive.guesses or {}) do
      out[#out + 1] = ('    <property name="%s: naive solver: %s" value="%s"/>\n'):format(escapeXml(entry.name),
        escapeXml(guess.name), escapeXml(guess.verdict))
    end
  end
  return #out > 1 and table.concat(out) .. "  </properties>\n" or ""
end

-- A sentence that isn't proven, and why: of those that are wrong it is a problem.
local function lineOf(row) return ("%s:%d: %s: %s"):format(row.file, row.line, row.text, row.reason) end

-- All that keeps it from being proven.
local function failuresOf(report)
  local list = { table.unpack(report.problems) }
  for _, row in ipairs(report.sentences) do
    if row.verdict == "inconclusive" then list[#list + 1] = lineOf(row) end
  end
  return table.concat(list, "\n")
end

local function junitOf(entries)
  local tests, failures, out = 0, 0, {}
  for _, entry in ipairs(entries) do
    for i, report in ipairs(entry.reports) do
      tests = tests + 1
      local case = ('  <testcase classname="diaglab" name="%s run %d" time="%.3f"'):format(escapeXml(entry.name), i,
        report.seconds)
      if report.verdict == "proven" then
        out[#out + 1] = case .. "/>\n"
      else
        failures = failures + 1
        out[#out + 1] = ('%s>\n    <failure message="%s">%s</failure>\n  </testcase>\n'):format(case, report.verdict,
          escapeXml(failuresOf(report)))
      end
    end
  end
  return ('<?xml version="1.0" encoding="UTF-8"?>\n' ..
    '<testsuite name="diaglab test" tests="%d" failures="%d">\n%s%s</testsuite>\n')
    :format(tests, failures, propertiesOf(entries), table.concat(out))
end

-- ---- one exercise ----------------------------------------------------------------

-- What isn't a matter of sentences, answers and so on.
local function plainProblems(report)
  local known = {}
  for _, list in ipairs { "left", "answers", "junk", "student" } do
    for _, text in ipairs(report[list] and report[list].problems or {}) do known[text] = true end
  end
  for _, row in ipairs(report.sentences) do
    if row.reason then known[lineOf(row)] = true end
  end
  local plain = {}
  for _, text in ipairs(report.problems) do
    if not known[text] then plain[#plain + 1] = text end
  end
  return plain
end

local function addWarnings(f, report)
  report.warnings = {}
  if report.no_fixed then
    table.insert(report.warnings, "there is no repaired program (fixed): nothing shows that the sentences " ..
      "speak of the fault")
  end
  for _, text in ipairs(report.crowd or {}) do table.insert(report.warnings, "not with more clients: " .. text) end
  local solvers = report.naive and report.naive.solved_by or {}
  if #solvers > 0 and (f.lesson.difficulty or 0) >= 3 then
    table.insert(report.warnings, ("difficulty %d, but a naive solver finds it: %s"):format(f.lesson.difficulty,
      table.concat(solvers, ", ")))
  end
end

local function refused(f)
  local errors = {}
  for _, finding in ipairs(parts.check.folder(f)) do
    if finding.severity == "error" then
      errors[#errors + 1] = ("%s:%d: %s [%s]"):format(finding.file, finding.line, finding.text, finding.rule)
    end
  end
  if #errors == 0 then return nil end
  return { name = f.name, verdict = "not proven", seconds = 0, sentences = {}, problems = errors }
end

local RANK = { proven = 1, inconclusive = 2, ["not proven"] = 3 }

-- PROGRESS has show(name, stage, what, part).
local function proveOne(f, options, progress)
  local entry = { name = f.name, reports = {}, verdict = "proven", seconds = 0 }
  for run = 1, options.runs or 1 do
    local report = refused(f) or parts.prove.folder(f, { evidence = options.evidence, seed = run,
      turn = options.job and parts.jobs.turn_of(options.job) }, function(stage, what, part)
      local runs = options.runs or 1
      if runs > 1 then stage = ("run %d of %d: %s"):format(run, runs, stage) end
      progress.show(f.name, stage, what, (run - 1 + part) / runs)
    end)
    addWarnings(f, report)
    report.plain = plainProblems(report)
    entry.reports[run] = report
    entry.seconds = entry.seconds + report.seconds
    if RANK[report.verdict] > RANK[entry.verdict] then entry.verdict = report.verdict end
  end
  return entry
end

-- What looks like the folder of a scenario, and isn't one: as of folders.lua.
local function entryOfSkipped(folder)
  local problem = ("%s: %s: no lab finds it"):format(folder.dir, folder.why)
  local report = { name = folder.dir:match("[^/]+$"), verdict = "not proven", seconds = 0, sentences = {},
    problems = { problem }, plain = { problem }, warnings = {} }
  return { name = report.name, verdict = report.verdict, seconds = 0, reports = { report } }
end

local function printTable(entries, n, seconds)
  if #entries > 1 then
    host.out(("\n%-18s %-12s %8s %10s  %s\n"):format("exercise", "verdict", "seconds", "sentences", "naive solvers"))
    for _, entry in ipairs(entries) do
      local last = entry.reports[#entry.reports]
      host.out(("%-18s %-12s %8.1f %10d  %s\n"):format(entry.name, entry.verdict, entry.seconds, #last.sentences,
        table.concat(last.naive and last.naive.solved_by or {}, ", ")))
    end
  end
  host.out(("%s: %d proven, %d not proven, %d inconclusive, in %.0f s\n"):format(parts.plural(#entries, "exercise"),
    n.proven, n["not proven"], n.inconclusive, seconds))
end

-- What is said at the end -> the exit code.
local function show(entries, seconds, options)
  local n = { proven = 0, inconclusive = 0, ["not proven"] = 0 }
  for _, entry in ipairs(entries) do n[entry.verdict] = n[entry.verdict] + 1 end
  if options.json then host.out(jsonOf(entries)) else printTable(entries, n, seconds) end
  return n.proven == #entries and 0 or 1
end

local function writeOver(path, text)
  local ok, problem = host.write_over(path, text)
  if not ok then parts.refuse("test", "%s", problem) end
end

-- Where a report can't be written is told before the first proof, which takes minutes.
-- What is there already isn't this run's.
local function prepareOutput(options)
  if options.evidence and not host.exists(options.evidence) then
    local ok, problem = host.make_folder(options.evidence)
    if not ok then parts.refuse("test", "%s", problem) end
  end
  if options.junit then writeOver(options.junit, "") end
end

-- One after the other: next() -> entry.
local function oneByOne(exercises, options, progress)
  local i = 0
  return function()
    i = i + 1
    if not exercises[i] then return nil end
    local entry = proveOne(exercises[i], options, progress)
    progress.done = i
    return entry
  end
end

-- In a process that jobs.lua has begun.
local function handIn(f, options)
  local lines = { show = function(_, stage, what) host.out((what and stage .. ", " .. what or stage) .. "\n") end }
  parts.jobs.hand_in(options.job, proveOne(f, options, lines))
  return 0
end

-- A scenario without a lesson is none; what a lesson lacks, check tells.
local function isLesson(f)
  return f.has_lesson_file or f.problem or #f.faults > 0 or f.lesson and f.lesson.expect
end

return {
  usage = "test [OPTIONS] [FOLDER...]",
  about = "Proves exercises. With the fault each sentence of the lesson must hold; with the\n" ..
    "repaired program it must fail; what the program is for must work in both; when\n" ..
    "the step is left, nothing of it may stay; each answer of answers/ must get the\n" ..
    "verdict that its name begins with, and junk must not be right; and a lab must\n" ..
    "judge the right answer of somebody who took all profiles as solved.\n" ..
    "A FOLDER is a scenario's folder, or one that has such folders in it.",
  options = {
    { "--runs", "N", "prove each N times (1; 20 before a release)", "count" },
    { "--jobs", "N", "N exercises side by side (1). Loads that a clock is held to (latencies,\n" ..
      "waits, \"per second\") still run one at a time", "count" },
    { "--job", "DIR" },
    { "--busy", nil, "with another process beside, which computes" },
    parts.primitive_option,
    { "--json", nil, "the report as JSON" },
    { "--junit", "FILE", "write a report that build servers read; FILE is empty until then" },
    { "--evidence", "DIR", "keep there, for teaching, what was seen of each exercise with the fault and\n" ..
      "repaired: profiles, a trace, metrics, and a picture of the numbers; and the\n" ..
      "profiles of sentences that failed" },
    { "--verbose", nil, "show what was seen for sentences that hold, too" },
  },
  notes = "Exit code: 0 all proven, 1 not, 2 nothing could be proven. A verdict of\n" ..
    "inconclusive says that too little was seen to tell: a longer load helps. A folder\n" ..
    "NN-slug without a scenario.lua is not proven.",
  run = function(options, paths)
    local found, skipped = parts.findFolders("test", paths)
    local exercises = {}
    for _, f in ipairs(found) do
      if isLesson(f) then exercises[#exercises + 1] = f end
    end
    if #exercises == 0 and #skipped == 0 then
      parts.refuse("test", "there is no lesson to prove")
    end
    prepareOutput(options)
    if options.job then return handIn(exercises[1], options) end
    local busy <close> = options.busy and host.start_busy() or nil -- luacheck: ignore
    local progress, began, entries = newProgress(#exercises), host.now(), {}
    options.single = #exercises == 1
    local function take(entry)
      progress.clear()
      entries[#entries + 1] = entry
      if not options.json then printReport(entry, options) end
    end
    for _, folder in ipairs(skipped) do take(entryOfSkipped(folder)) end
    if (options.jobs or 1) == 1 then
      for entry in oneByOne(exercises, options, progress) do take(entry) end
    else
      -- What check refuses needs no process; it may have to do with the other folders.
      local function refuse(f) return refused(f) and proveOne(f, options, progress) end
      for entry in parts.jobs.run(exercises, options, refuse, progress.show_all) do take(entry) end
    end
    local code = show(entries, host.now() - began, options)
    if options.junit then writeOver(options.junit, junitOf(entries)) end
    return code
  end,
}
