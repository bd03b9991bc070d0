-- SPDX-License-Identifier: MIT
-- The verbs for authors (diaglab check, test, new, classes) and for students (answer,
-- doctor, progress, repair). src/kit/kit.c runs this, in a process that is no lab.
--
-- kit.lua(host) -> run(verb, arguments) -> exit code
--
-- Exit codes: 0 all is well; 1 something is wrong with what was looked at; 2 the
-- command line can't be understood, or nothing can be looked at.

local host = ...

local parts = host.part "parts"(host)

local verbs = {}

-- ---- the command line ------------------------------------------------------------

-- Options of a verb: { "--name", "VALUE" or nil, "what it is for", kind }. A kind
-- is "count", "list" or nil for a text. Every verb has --help. One without words is
-- the program's own.
-- Of verbs that read or run scenarios. Labs that they start have them, too.
local PRIMITIVE = { "--primitive", "FILE", "a shared object with functions that scenarios use;\nrepeatable", "list" }
parts.primitive_option = PRIMITIVE

local function usageOf(verb)
  local spec = verbs[verb]
  local out = { ("Usage: diaglab %s\n\n%s\n"):format(spec.usage, spec.about) }
  if #spec.options > 0 then out[#out + 1] = "\n" end
  for _, option in ipairs(spec.options) do
    if option[3] then
      out[#out + 1] = ("  %-20s %s\n"):format(option[1] .. (option[2] and " " .. option[2] or ""),
        (option[3]:gsub("\n", "\n" .. (" "):rep(23))))
    end
  end
  out[#out + 1] = "  --help               print this text\n"
  if spec.notes then out[#out + 1] = "\n" .. spec.notes .. "\n" end
  return table.concat(out)
end

local Usage = {} -- what a wrong command line raises

local function refuse(verb, text, ...)
  host.err(("diaglab %s: %s\nTry 'diaglab %s --help'.\n"):format(verb, text:format(...), verb))
  error(Usage, 0)
end

local function countOf(verb, name, text)
  local n = math.tointeger(tonumber(text))
  if not n or n < 1 or n > 1000000 then refuse(verb, "%s: '%s' is not a whole number above 0", name, text) end
  return n
end

-- Returns the options by their names without dashes, and the other arguments.
local function parse(verb, arguments)
  local spec, known, values, rest = verbs[verb], {}, {}, {}
  for _, option in ipairs(spec.options) do known[option[1]] = option end
  local i = 1
  while i <= #arguments do
    local word = arguments[i]
    local name, value = word:match("^(%-%-?[%w-]+)=(.*)$")
    name = (name or word):gsub("^%-%-?", "--")
    local option = known[name]
    if name == "--help" or word == "-h" then
      host.out(usageOf(verb))
      return nil
    elseif word == "--" then
      table.move(arguments, i + 1, #arguments, #rest + 1, rest)
      break
    elseif not word:find("^%-.") then
      rest[#rest + 1] = word
    elseif not option then
      refuse(verb, "unknown option %s%s", word, host.did_you_mean(name, known))
    elseif not option[2] then
      if value then refuse(verb, "%s takes no value", name) end
      values[name:sub(3)] = true
    else
      if not value then
        i = i + 1
        value = arguments[i] or refuse(verb, "%s needs a value: %s %s", name, name, option[2])
      end
      local key = name:sub(3)
      if option[4] == "count" then
        values[key] = countOf(verb, name, value)
      elseif option[4] == "list" then
        values[key] = values[key] or {}
        table.insert(values[key], value)
      else
        values[key] = value
      end
    end
    i = i + 1
  end
  return values, rest
end

local function plural(n, word) return ("%d %s%s"):format(n, word, n == 1 and "" or "s") end

-- The folders that PATHS name, or the present folder's; ends the verb if there
-- are none.
local function findFolders(verb, paths)
  if #paths == 0 then paths = { host.exists("scenarios") and "scenarios" or "." } end
  local found, skipped, problem = parts.folders.find(paths)
  if not found then refuse(verb, "%s", problem) end
  if #found == 0 and #skipped == 0 then
    refuse(verb, "%s: there is no scenario here: a folder NN-slug with a scenario.lua", table.concat(paths, ", "))
  end
  return found, skipped
end

-- Where students have the steps: in their own folder, or with the program.
local function findSteps()
  return host.exists("scenarios") and "scenarios" or host.own_folder("scenarios") or "."
end

-- Makes the folder DIR, which must be new; nil and why not. The result is for a <close>
-- variable: it removes the folder again, unless its field `isWhole` was set. So what
-- fails or is interrupted leaves no half of it, and can be tried again.
local function newFolder(dir)
  local ok, problem = host.make_folder(dir)
  if not ok then return nil, problem end
  return setmetatable({}, { __close = function(self)
    if not self.isWhole then host.remove_tree(dir) end
  end })
end

parts.refuse, parts.plural, parts.findFolders, parts.findSteps = refuse, plural, findFolders, findSteps
parts.newFolder = newFolder

-- ---- progress --------------------------------------------------------------------

local function stepOf(text)
  local step = text and math.tointeger(tonumber(text))
  if text and (not step or step < 0 or step > 9999) then
    refuse("progress", "--step: '%s' is not the number of a step", text)
  end
  return step
end

verbs.progress = {
  usage = "progress [OPTIONS]",
  about = "Shows what you have done: for each step visits, captures, hints, answers, the\n" ..
    "best score, whether it is solved (its fault was diagnosed) and repaired (diaglab\n" ..
    "repair), and the minutes until it was solved.",
  options = {
    { "--json", nil, "as JSON" },
    { "--csv", nil, "as CSV" },
    { "--reset", nil, "begin anew: with all steps, or with that of --step" },
    { "--step", "N", "the step to begin anew with" },
    { "--state", "DIR", "where it is kept (default $XDG_STATE_HOME/diaglab,\nor ~/.local/state/diaglab)" },
  },
  notes = "Nothing is deleted: the file progress.jsonl in that folder keeps each event.",
  run = function(options, rest)
    if rest[1] then refuse("progress", "unexpected argument '%s'", rest[1]) end
    local step = stepOf(options.step)
    if step and not options.reset then refuse("progress", "--step needs --reset") end
    local folder = options.state or host.progress_folder()
    if not folder then refuse("progress", "there is no home folder: name one with --state") end
    if options.reset then
      local ok, problem = host.reset_progress(folder, step or -1)
      if not ok then refuse("progress", "%s", problem) end
    end
    local sums, problem = host.read_progress(folder)
    if not sums then refuse("progress", "%s", problem) end
    host.out(options.json and sums or parts.progress[options.csv and "csv" or "text"](parts.progress.read(sums)))
    return 0
  end,
}

-- ---- check -----------------------------------------------------------------------

local function printFindings(findings)
  for _, f in ipairs(findings) do
    host.out(("%s:%d: %s: %s [%s]\n"):format(f.file, f.line, f.severity, f.text, f.rule))
  end
end

local function printRules()
  local names = {}
  for name in pairs(parts.check.rules) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    local rule = parts.check.rules[name]
    host.out(("%-14s %-8s %s\n"):format(name, rule[1], rule[2]))
  end
  return 0
end

verbs.check = {
  usage = "check [OPTIONS] [FOLDER...]",
  about = "Says what is wrong with scenarios and their lessons, without running them as a\n" ..
    "lab would: file, line, what was expected and what to do. A FOLDER is a scenario's\n" ..
    "folder, or one that has such folders in it; without one, scenarios or the present\n" ..
    "folder is checked.",
  options = {
    { "--json", nil, "the findings as JSON" },
    { "--strict", nil, "warnings count as errors" },
    PRIMITIVE,
    { "--rules", nil, "list the rules, and exit" },
  },
  notes = "A finding is silenced by a comment on its line, or on the line before:\n" ..
    "  -- check: allow(RULE) why\n" ..
    "Exit code: 0 no errors, 1 errors, 2 nothing could be checked.",
  run = function(options, paths)
    if options.rules then return printRules() end
    local found, skipped = findFolders("check", paths)
    local all, errors, warnings = parts.data.list {}, 0, 0
    for _, s in ipairs(skipped) do
      all[#all + 1] = { file = s.dir, line = 1, rule = "folder", severity = "error",
        text = s.why .. ": no lab finds it" }
    end
    for _, folder in ipairs(found) do
      for _, finding in ipairs(parts.check.folder(folder)) do all[#all + 1] = finding end
    end
    for _, f in ipairs(all) do
      if f.severity == "error" then errors = errors + 1 else warnings = warnings + 1 end
    end
    if options.json then
      host.out(parts.data.json { folders = #found, errors = errors, warnings = warnings, findings = all } .. "\n")
    else
      printFindings(all)
      host.out(("%s: %s, %s\n"):format(plural(#found, "scenario"), plural(errors, "error"),
        plural(warnings, "warning")))
    end
    return (errors > 0 or options.strict and warnings > 0) and 1 or 0
  end,
}

verbs.test = host.part "proof"(host, parts)
verbs.classes = parts.vocabulary.verb
verbs.new = host.part "new"(host, parts)
verbs.answer = host.part "answer"(host, parts)
verbs.repair = host.part "repair"(host, parts)
verbs.doctor = host.part "doctor"(host, parts)

-- ---- running ---------------------------------------------------------------------

local function loadPrimitives(verb, files)
  for _, file in ipairs(files or {}) do
    local ok, problem = host.load_primitive(file)
    if not ok then refuse(verb, "%s", problem) end
  end
end

return function(verb, arguments)
  local ok, code = pcall(function()
    local options, rest = parse(verb, arguments)
    if not options then return 0 end
    loadPrimitives(verb, options.primitive)
    return verbs[verb].run(options, rest)
  end)
  if ok then return code end
  if code == Usage then return 2 end
  error(code, 0)
end
