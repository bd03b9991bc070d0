-- SPDX-License-Identifier: MIT
-- needs: time
-- The exercises of the course, which are those after step 6: nothing of them is
-- missing, and each is proven. (test_prove.lua proves the steps of the original.)
-- docs/course.md has all steps, those of the original, too, and says of them what
-- their lessons say.
local t = require "harness"
local exercise = require "exercise"

local SCENARIOS = t.source .. "/scenarios/"

local folders = t.names(SCENARIOS)
local names = {} -- of the folders of exercises
for _, name in ipairs(folders) do
  if (tonumber(name:match("^(%d+)%-")) or 0) > 6 then names[#names + 1] = name end
end

-- ---- docs/course.md -------------------------------------------------------------

-- The cells of a line of a Markdown table, or nil.
local function cells_of(line)
  local inner = line:match("^|(.*)|%s*$")
  if not inner then return nil end
  local cells = {}
  for cell in (inner .. "|"):gmatch("%s*(.-)%s*|") do cells[#cells + 1] = cell end
  return cells
end

-- Each row of the tables of TEXT whose first column is called FIRST: its cells by
-- the names of their columns.
local function rows_of(text, first)
  local rows, header = {}, nil
  for line in (text .. "\n"):gmatch("(.-)\n") do
    local cells = cells_of(line)
    if not cells then
      header = nil
    elseif not header then
      header = cells
    elseif header[1] == first and not cells[1]:find("^%-+$") then
      t.equal(#cells, #header, "cells of " .. line)
      local row = {}
      for i, name in ipairs(header) do row[name] = cells[i] end
      rows[#rows + 1] = row
    end
  end
  return rows
end

-- What is in backquotes in TEXT and fits PATTERN, in its order.
local function quoted(text, pattern)
  local list = {}
  for word in text:gmatch("`([^`]+)`") do
    if word:find(pattern) then list[#list + 1] = word end
  end
  return list
end

local function read_lesson(folder)
  return assert(loadfile(SCENARIOS .. folder .. "/lesson.lua", "t", {}))()
end

-- The faults of a lesson: { { class =, where = { name, ... } }, ... }.
local function faults_of(lesson)
  local list = {}
  for _, fault in ipairs { lesson.diagnosis, lesson.diagnosis.also } do
    local where = fault.where or {}
    list[#list + 1] = { class = fault.class, where = type(where) == "table" and where or { where } }
  end
  return list
end

local COURSE = t.read(t.source .. "/docs/course.md")
local ROWS = {} -- by step
for _, row in ipairs(rows_of(COURSE, "step")) do
  local step = t.check(math.tointeger(tonumber(row.step)), "a step without a number: " .. row.step)
  t.check(not ROWS[step], ("step %d is there twice"):format(step))
  ROWS[step] = row
end

t.test("docs/course.md names every scenario, and no other", function()
  local in_tables, there = {}, {}
  for step in pairs(ROWS) do in_tables[#in_tables + 1] = step end
  for _, name in ipairs(folders) do
    there[#there + 1] = t.check(math.tointeger(tonumber(name:match("^(%d+)%-"))), "no folder of a step: " .. name)
  end
  table.sort(in_tables)
  table.sort(there)
  t.equal(table.concat(in_tables, " "), table.concat(there, " "))
  t.has(COURSE, ("There are %d steps:"):format(#there))
end)

-- The name to blame stands before the semicolon. A lesson accepts further ones.
local function check_blame(name, text, faults)
  local blamed, accepted = quoted(text:match("^[^;]*"), "^%a+$"), {}
  for _, fault in ipairs(faults) do
    local is_named = #fault.where == 0
    for _, where in ipairs(fault.where) do
      accepted[where] = true
      for _, one in ipairs(blamed) do is_named = is_named or one == where end
    end
    t.check(is_named, ("%s: %s is %s's, and is not to blame in: %s"):format(name, table.concat(fault.where, " or "),
      fault.class, text))
  end
  for _, one in ipairs(blamed) do t.check(accepted[one], ("%s: its lesson doesn't blame %s"):format(name, one)) end
end

t.test("minutes, faults and functions of docs/course.md are those of the lessons", function()
  local compared = 0
  for _, name in ipairs(folders) do
    local lesson, row = read_lesson(name), ROWS[tonumber(name:match("^%d+"))]
    t.check(row, name .. " is in no table")
    t.equal(row.minutes, tostring(lesson.minutes), name .. ": minutes")
    local faults, classes = faults_of(lesson), {}
    for i, fault in ipairs(faults) do classes[i] = fault.class end
    local named = row["the fault"]:find("^none:") and { "none" } or quoted(row["the fault"], "^%l+%.[%l_]+$")
    t.equal(table.concat(named, " "), table.concat(classes, " "), name .. ": the fault")
    local blame = row["to blame, and what is taken for it"]
    t.equal(blame ~= nil, tonumber(row.step) > 6, name .. ": who is to blame")
    if blame then check_blame(name, blame, faults) end
    compared = compared + 1
  end
  t.equal(compared, #folders)
end)

-- ---- the exercises --------------------------------------------------------------

local function prove(dir) return t.run(t.command { t.diaglab, "test", dir }) end

-- How many of the answers of DIR begin with each verdict.
local function count_answers(dir)
  local n = { solved = 0, partial = 0, wrong = 0, invalid = 0 }
  for _, name in ipairs(t.names(dir .. "/answers")) do
    local verdict = name:match("^%a+")
    n[verdict] = n[verdict] + 1
  end
  return n
end

t.test("each has a card, a solution with three routes, and answers of all sorts", function()
  for _, name in ipairs(names) do
    local dir = SCENARIOS .. name
    t.has(t.read(dir .. "/README.md"), "goto?step=" .. name:match("^%d+"), name)
    local solution = t.read(dir .. "/SOLUTION.md")
    local routes = select(2, solution:gsub("\n## Route %d: ", ""))
    t.check(routes >= 3, ("%s: its solution has %d routes"):format(name, routes))
    t.has(solution, "verdict   solved (step " .. name:match("^%d+"), name)
    local n = count_answers(dir)
    t.check(n.solved > 0 and n.wrong > 0 and n.invalid > 0 and n.partial + n.wrong > 1, name .. " lacks answers")
  end
end)

t.test("check finds nothing", function()
  local result = t.run(t.command { t.diaglab, "check", SCENARIOS })
  t.equal(result.code, 0, result.out)
  t.has(result.out, ": 0 errors, 0 warnings\n")
end)

for _, name in ipairs(names) do
  t.long(name .. " is proven", function()
    local result = prove(SCENARIOS .. name)
    t.equal(result.code, 0, result.out)
  end)
end

t.long("where all is well, each answer must get its verdict, too", function()
  local root = t.temp_dir()
  t.equal(t.run(("cp -r %s24-nightly %s/24-nightly"):format(SCENARIOS, root)).code, 0)
  local dir = root .. "/24-nightly"
  exercise.edit(dir, "answers/wrong-fragmented.lua", "class.other", "class.family")
  local result = prove(dir)
  t.equal(result.code, 1, result.out)
  t.has(result.out, "answers/wrong-fragmented.lua: its feedback is class.other, not class.family")
end)

t.finish()
