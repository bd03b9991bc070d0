-- SPDX-License-Identifier: MIT
-- Scenario folders as their authors see them: what `diaglab check` and `test` look
-- at. The scenarios are read by processes of their own (reader.lua).
--
-- folders.lua(host, parts) -> folders    parts: lesson, lines,
--   record, steps
-- folders.find(paths) -> list, skipped, problem
--
-- A folder is a table:
--   dir, name, number, slug   "my/50-report", "50-report", 50, "report"
--   root                      the folder in which a lab finds it: "my"
--   file, text                of scenario.lua
--   folder_problem            why no lab would find it, or nil
--   problem                   why it can't be run, with file and line; or nil and
--   outline                   what reader.lua says of it
--   includes                  { path, text } of the files that it includes
--   own                       what lesson.lua returned, or {}
--   lesson, faults            as lesson.read makes them; faults { file, line, rule,
--                             text }; faulty[key] = true for keys with a fault
--   has_lesson_file           there is a lesson.lua
--   locate                    function(key, ...) -> file, line of a key of the lesson
--   scenario_line_of          lines.find of scenario.lua
--   fixed_file, fixed_problem of the repaired program, if it is a file

local host, parts = ...
local lesson, lines, steps = parts.lesson, parts.lines, parts.steps
local folders = {}

-- "04-import" -> 4, "import"
local function partsOf(name)
  local number, slug = steps.parts_of(name)
  return tonumber(number), slug
end

-- The folder in which a lab finds DIR, and its name there. A link has its own name; of
-- "." or "my/50-report/.." only the disk knows it.
local function placeOf(dir)
  local root, name = dir:match("^(.*)/([^/]+)$")
  root, name = root or ".", name or dir
  if name == "." or name == ".." or name == "" then
    root, name = (host.realpath(dir .. "/") or "/"):match("^(.*)/([^/]*)$")
  end
  return root ~= "" and root or "/", name
end

local function newFolder(dir)
  dir = dir:gsub("/+$", "")
  local root, name = placeOf(dir)
  local number, slug = partsOf(name)
  local f = { dir = dir, root = root, name = name, number = number, slug = slug or name, includes = {}, faults = {},
    faulty = {} }
  f.file = f.dir .. "/scenario.lua"
  if not number then
    f.folder_problem = steps.name_rule .. "; no lab finds this one"
  end
  return f
end

-- ---- finding ---------------------------------------------------------------------

local function isHidden(name) return name:find("^%.") end

-- Adds the folders within DIR; those without scenario.lua are in SKIPPED.
local function addWithin(dir, found, skipped)
  local names, problem = host.scan(dir)
  if not names then return problem end
  table.sort(names)
  for _, name in ipairs(names) do
    local inner = dir:gsub("/+$", "") .. "/" .. name
    if not isHidden(name) and host.scan(inner) then
      if host.exists(inner .. "/scenario.lua") then
        found[#found + 1] = newFolder(inner)
      elseif partsOf(name) or name:find("^%d") then
        skipped[#skipped + 1] = { dir = inner, why = "it has no scenario.lua" }
      end
    end
  end
end

-- LIST, but each folder once, however it was named.
local function dropRepeated(list)
  local kept, known = {}, {}
  for _, one in ipairs(list) do
    local root, name = placeOf(one.dir)
    local place = (host.realpath(root) or root) .. "/" .. name
    if not known[place] then kept[#kept + 1] = one end
    known[place] = true
  end
  return kept
end

-- The names of those that a lab finds in ROOT: a list for each number.
local function namesByNumber(root)
  local names, byNumber = host.scan(root) or {}, {}
  table.sort(names)
  for _, name in ipairs(names) do
    local number = partsOf(name)
    if number and host.exists(("%s/%s/scenario.lua"):format(root, name)) then
      byNumber[number] = byNumber[number] or {}
      table.insert(byNumber[number], name)
    end
  end
  return byNumber
end

-- Also with those that are beside them and aren't looked at: a lab sees all of them.
local function markClashes(found)
  local within = {}
  for _, f in ipairs(found) do
    within[f.root] = within[f.root] or namesByNumber(f.root)
    for _, name in ipairs(within[f.root][f.number] or {}) do
      if name ~= f.name and not f.folder_problem then
        f.folder_problem = ("number %d is also %s/%s"):format(f.number, f.root, name)
      end
    end
  end
end

-- ---- reading ---------------------------------------------------------------------

local function parseRecord(f, text)
  local lessonChunk
  for key, value in parts.record.each(text) do
    if key == "problem" then
      f.problem = value
    elseif key == "lesson_problem" then
      f.lesson_problem = value
    elseif key == "fault" then
      f.faults[#f.faults + 1] = assert(host.data(value, "fault"))
    elseif key == "scenario" then
      f.outline = assert(host.data(value, "outline"))
    elseif key == "lesson" then
      lessonChunk = value
    end
  end
  return lessonChunk
end

local function noteFaults(f)
  if f.lesson_problem and #f.faults == 0 then
    local file, line, text = f.lesson_problem:match("^(.-):(%d+): (.*)$")
    f.faults[1] = { file or f.lesson_file, tonumber(line) or 1, "data", text or f.lesson_problem }
  end
  for _, fault in ipairs(f.faults) do
    local key = fault[4]:match("^([%w_]+)")
    if key then f.faulty[key] = true end
  end
end

-- Files that are included, also by included ones.
local function addIncludes(f, text, seen)
  for name in text:gmatch("lab%.include[%s(]*[\"']([%w_-]+)[\"']") do
    local path = f.dir .. "/" .. name .. ".lua"
    local inner = not seen[path] and host.read(path)
    if inner then
      seen[path] = true
      f.includes[#f.includes + 1] = { path, inner }
      addIncludes(f, inner, seen)
    end
  end
end

-- Where a key stands: in lesson.lua, or in scenario.lua if only that has it.
local function locatorOf(f, lessonText)
  local lineInLesson = lessonText and lines.find(lessonText)
  local own = lessonText and host.data(lessonText, f.lesson_file) or {}
  return function(key, ...)
    local within = f.outline and f.outline.lesson[key] ~= nil
    if lessonText and (own[key] ~= nil or not within) then return f.lesson_file, lineInLesson(key, ...) end
    return f.file, f.scenario_line_of(key, ...)
  end, own
end

local function fill(f)
  local record, problem = host.record(f.file)
  f.text = host.read(f.file) or ""
  f.scenario_line_of = lines.find(f.text)
  f.lesson_file = f.dir .. "/lesson.lua"
  f.has_lesson_file = host.exists(f.lesson_file) == true
  f.locate, f.own = locatorOf(f, host.read(f.lesson_file))
  if not record then
    f.problem = problem
    return
  end
  local chunk = parseRecord(f, record)
  noteFaults(f)
  if f.problem then return end
  addIncludes(f, f.text, {})
  if chunk then f.lesson = lesson.read(assert(host.data(chunk, f.lesson_file))) end
end

-- The repaired program, if it is a file, must be a scenario, too.
local function fillFixed(list)
  local files = {}
  for _, f in ipairs(list) do
    local fixed = f.lesson and f.lesson.fixed
    if fixed and fixed.file then
      f.fixed_file = f.dir .. "/" .. fixed.file
      if host.exists(f.fixed_file) then files[#files + 1] = f.fixed_file end
    end
  end
  host.read_folders(files)
  for _, f in ipairs(list) do
    if f.fixed_file and host.exists(f.fixed_file) then
      local record, problem = host.record(f.fixed_file)
      local read = { faults = {} }
      if record then parseRecord(read, record) end
      f.fixed_problem = problem or read.problem
    end
  end
end

-- A file of a scenario's folder stands for the folder.
local function folderOf(path)
  local dir = path:match("^(.*)/[^/]+%.lua$") or path:find("^[^/]+%.lua$") and "."
  return dir and not host.scan(path) and host.exists(dir .. "/scenario.lua") and dir or path
end

-- The folders that PATHS name: each is a scenario's folder or a file in it, or a
-- folder that has such folders in it. SKIPPED: { dir, why } of those that look like one and aren't.
function folders.find(paths)
  local found, skipped = {}, {}
  for _, path in ipairs(paths) do
    path = folderOf(path)
    if host.exists(path .. "/scenario.lua") then
      found[#found + 1] = newFolder(path)
    else
      local problem = addWithin(path, found, skipped)
      if problem then return nil, nil, problem end
    end
  end
  found, skipped = dropRepeated(found), dropRepeated(skipped)
  markClashes(found)
  local files = {}
  for i, f in ipairs(found) do files[i] = f.file end
  host.read_folders(files)
  for _, f in ipairs(found) do fill(f) end
  fillFixed(found)
  return found, skipped
end

return folders
