-- SPDX-License-Identifier: MIT
-- diaglab repair: gives a student the program of a step, and proves that what the
-- student has made of it is a repair: the fault is gone, and the work is still
-- done.
--
-- repair.lua(host, parts) -> verb      parts: data, folders, prove, shell, steps; newFolder,
--   refuse (kit.lua)

local host, parts = ...

local FOLDER = "repair"

local CODES = { repaired = 0, ["still there"] = 1, broken = 1, ["gone with its work"] = 1, inconclusive = 3 }

-- Each but the first is followed by reasons, one a line.
local SAYS = {
  repaired = "The fault is gone, and the work is still done.",
  ["still there"] = "These sentences speak of the fault, and still hold:",
  broken = "This must work, and doesn't:",
  ["gone with its work"] = "Requests aren't served as before:",
  inconclusive = "Too little was seen to tell:",
}

local function refuse(text, ...) parts.refuse("repair", text, ...) end

local function findAll(path)
  local found, _, problem = parts.folders.find { path }
  if not found then refuse("%s", problem) end
  return found
end

-- The scenario NUMBER of those in PATH, with its lesson.
local function findOriginal(number, path)
  for _, f in ipairs(findAll(path)) do
    if f.number == number then
      if f.problem then refuse("%s", f.problem) end
      return f
    end
  end
  refuse("%s: there is no step %d", path, number)
end

-- ---- giving ----------------------------------------------------------------------

-- Adds to LIST what students get of F: the names of files and of folders, each folder
-- before what is in it. WITHIN is "", or a folder of F as "data/": lab.open reads there, too.
local function listProgram(f, within, list)
  local dir = f.dir .. "/" .. within
  for _, name in ipairs(host.scan(dir) or {}) do
    if not name:find "^%." and (within ~= "" or not parts.steps.is_telling(name, f.lesson)) then
      local isFolder = host.scan(dir .. name) ~= nil
      if isFolder and host.realpath(dir .. name) ~= host.realpath(dir) .. "/" .. name then
        refuse("%s: it is a link to a folder; a folder is wanted", dir .. name)
      end
      list[#list + 1] = { name = within .. name, isFolder = isFolder }
      if isFolder then listProgram(f, within .. name .. "/", list) end
    end
  end
  return list
end

local function copyFile(from, to)
  local text, problem = host.read_bytes(from) -- data may be longer than a program
  local ok
  if text then ok, problem = host.write_new(to, text) end
  if not ok then refuse("%s", problem) end
end

local function give(f, folder)
  if not host.exists(f.dir .. "/lesson.lua") then
    refuse("%s: the lesson stands in scenario.lua, so the program would tell the answer", f.dir)
  end
  if not f.lesson then refuse("%s", f.lesson_problem) end -- nobody knows what tells the answer
  local list, to = listProgram(f, "", {}), folder .. "/" .. f.name
  if not host.scan(folder) then
    local ok, problem = host.make_folder(folder)
    if not ok then refuse("%s", problem) end
  end
  local copy <close>, problem = parts.newFolder(to)
  if not copy then refuse("%s", problem) end
  for _, one in ipairs(list) do
    if one.isFolder then
      local ok, why = host.make_folder(to .. "/" .. one.name)
      if not ok then refuse("%s", why) end
    else
      copyFile(f.dir .. "/" .. one.name, to .. "/" .. one.name)
    end
  end
  copy.isWhole = true
  local command = parts.shell.command
  host.out(("The program of step %d is %s/scenario.lua. Edit it, and try it with\n" ..
    "  %s\n" ..
    "and /goto?step=%d, which reads it anew each time. Then prove it:\n" ..
    "  %s\n"):format(f.number, to, command { "diaglab", "--scenarios", folder, "--scenarios", f.root }, f.number,
    command { "diaglab", "repair", "--check", to }))
  return 0
end

-- ---- proving ---------------------------------------------------------------------

-- A body without what may differ each time.
local function bodyOf(sample) return (sample.body or ""):gsub("[%d.]+[%a\xc2\xb5]*", "0") end

-- Are the requests served as the repaired program of the lesson serves them?
local function compareAnswers(series, reasons)
  local mine, its = series.visits.fault, series.visits.fixed
  local function served(visits)
    local good, all = 0, 0
    for _, seen in ipairs(visits) do good, all = good + (seen.statuses["2xx"] or 0), all + seen.requests end
    return good / math.max(1, all)
  end
  local a, b = served(mine), served(its)
  if a < 0.99 * b then
    reasons[#reasons + 1] = ("%.0f %% of the requests are answered with success; it should be %.0f %%")
      :format(100 * a, 100 * b)
  end
  local first, other = its[1].sample, its[2] and its[2].sample or its[1].sample
  local steady = first.status == other.status and bodyOf(first) == bodyOf(other)
  for _, seen in ipairs(steady and mine or {}) do
    if seen.sample.status ~= first.status or bodyOf(seen.sample) ~= bodyOf(first) then
      reasons[#reasons + 1] = ("the answer to %s is another one: %s %q, not %d %q"):format(series.load.path,
        seen.sample.status or "no answer", (seen.sample.body or ""):sub(1, 80), first.status, first.body:sub(1, 80))
      return
    end
  end
end

-- How far it is: on a terminal one line that changes; for the lab's page, lines.
local function newProgress(options)
  local live, progress = host.is_terminal() and not options.page, {}
  function progress.show(_, what, part)
    local percent = math.floor(100 * part)
    if options.page then host.out(("progress %d %s\n"):format(percent, what)) end
    if live then host.live(("%d %%: %s"):format(percent, what)) end
  end
  function progress.clear()
    if live then host.live "" end
  end
  return progress
end

local function proveOne(original, repaired, options)
  local progress = newProgress(options)
  local found = parts.prove.repair(original, repaired, progress.show)
  progress.clear()
  local gone = {}
  for _, series in ipairs(found.order) do compareAnswers(series, gone) end
  local report = { verdict = "repaired", reasons = {}, seconds = found.seconds }
  for _, case in ipairs { { "broken", { found.problem } }, { "still there", found.there },
    { "gone with its work", gone }, { "broken", found.broken }, { "inconclusive", found.unclear } } do
    if #case[2] > 0 then
      report.verdict, report.reasons = case[1], case[2]
      break
    end
  end
  return report
end

-- What must be known to understand REASONS, or nil.
local function noteOn(reasons)
  for _, reason in ipairs(reasons) do
    if reason:find(" x fixed", 1, true) then
      return "\"x fixed\" is: times as much as with the lesson's own repair."
    end
  end
end

local function jsonOf(report, f)
  return parts.data.json { format = "diaglab-repair/1", name = f.name, verdict = report.verdict,
    says = SAYS[report.verdict], note = noteOn(report.reasons), seconds = report.seconds,
    reasons = parts.data.list(report.reasons) } .. "\n"
end

local function textOf(report, f)
  local out = { ("%s: %s (%.0f s)\n%s\n"):format(f.name, report.verdict, report.seconds, SAYS[report.verdict]) }
  for _, reason in ipairs(report.reasons) do out[#out + 1] = "  " .. reason .. "\n" end
  local note = noteOn(report.reasons)
  if note then out[#out + 1] = "(" .. note .. ")\n" end
  return table.concat(out)
end

-- What src/page/repair.c reads: each line begins with what it is.
local function showPage(report, f)
  host.out((textOf(report, f):gsub("[^\n]*\n", "text %0")))
  host.out("json " .. jsonOf(report, f))
end

local function show(report, f, options)
  if options.page then return showPage(report, f) end
  host.out(options.json and jsonOf(report, f) or textOf(report, f))
end

-- Where the progress is; nil: nowhere.
local function progressFolder(options)
  if options.state == "none" then return nil end
  return options.state or host.progress_folder()
end

local function noteRepair(number, verdict, options)
  local folder = progressFolder(options)
  local ok, problem = true, nil
  if folder then ok, problem = host.note_repair(folder, number, verdict) end
  if not ok then host.err(("diaglab repair: this is not in your progress: %s\n"):format(problem)) end
end

local function proveAll(path, scenarios, options)
  local code, found = 0, findAll(path)
  if #found == 0 then refuse("%s: there is no scenario here", path) end
  for _, repaired in ipairs(found) do
    if not repaired.number then refuse("%s", repaired.folder_problem) end
    local original = findOriginal(repaired.number, scenarios)
    if not original.lesson or not original.lesson.expect or not original.lesson.fixed then
      refuse("step %d has no lesson by which a repair could be proven", repaired.number)
    end
    local report = repaired.problem and { verdict = "broken", seconds = 0, reasons = { repaired.problem } }
      or proveOne(original, repaired, options)
    show(report, repaired, options)
    noteRepair(repaired.number, report.verdict, options)
    code = math.max(code, CODES[report.verdict])
  end
  return code
end

return {
  usage = "repair [OPTIONS] N [DIR] | repair --check DIR",
  about = "Copies the program of step N into DIR (default " .. FOLDER .. "), for you to repair it. With\n" ..
    "--check it runs the step's load on what is in DIR and says whether the fault is\n" ..
    "gone, and the work still done.",
  options = {
    { "--check", "DIR", "prove the repairs in DIR" },
    { "--scenarios", "DIR", "where the steps are (default scenarios, or those\nthat come with the program)" },
    { "--state", "DIR", "where your progress is kept (default $XDG_STATE_HOME/diaglab,\n" ..
      "or ~/.local/state/diaglab); none: nowhere" },
    parts.primitive_option,
    { "--json", nil, "verdicts as JSON, one a line" },
    { "--page" },
  },
  notes = "Verdicts: repaired; still there (the fault is); broken (something that must work\n" ..
    "doesn't); gone with its work (requests aren't served as before).\n" ..
    "Exit code: 0 repaired, 1 not, 3 it can't be told, 2 nothing could be done.",
  run = function(options, rest)
    local scenarios = options.scenarios or parts.findSteps()
    if options.check then
      if rest[1] then refuse("unexpected argument '%s'", rest[1]) end
      return proveAll(options.check, scenarios, options)
    end
    local number = rest[1] and math.tointeger(tonumber(rest[1]))
    if not number then refuse("name the number of a step") end
    if rest[3] then refuse("unexpected argument '%s'", rest[3]) end
    return give(findOriginal(number, scenarios), rest[2] or FOLDER)
  end,
}
