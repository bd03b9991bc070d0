-- SPDX-License-Identifier: MIT
-- needs: time
-- The exercises of the course, which are those after step 6: nothing of them is
-- missing, and each is proven. (test_prove.lua proves the steps of the original.)
local t = require "harness"
local exercise = require "exercise"

local SCENARIOS = t.source .. "/scenarios/"

local names = {} -- of the folders
for _, name in ipairs(t.names(SCENARIOS)) do
  if (tonumber(name:match("^(%d+)%-")) or 0) > 6 then names[#names + 1] = name end
end
t.check(#names >= 11, "the course has exercises")

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
