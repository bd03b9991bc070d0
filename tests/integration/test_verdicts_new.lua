-- SPDX-License-Identifier: MIT
-- New exercises: what each kind of answer gets (verdicts.lua), and whether one can do
-- what their documents say.
local t = require "harness"
local exercise = require "exercise"
local verdicts = require "verdicts"
t.need("curl", "go")

t.test("each kind of answer gets what the document says", function()
  verdicts.check { "prices", "digits" }
end)

-- Types the commands of SOLUTION.md up to the profile, and returns what they print.
local function follow_solution(lab, dir)
  local commands = t.match(t.read(dir .. "/SOLUTION.md"), "```sh\n(.-)```")
  local host = lab.url:match("//(.*)")
  commands = commands:gsub("localhost:6060", host):gsub("seconds=5", "seconds=2"):gsub("%-%-seconds 10", "--seconds 4")
    :gsub("diaglab (load [^\n&]*)", t.quote(t.diaglab) .. " %1 " .. host .. " >/dev/null 2>&1 ")
  local result = t.run(commands)
  t.equal(result.code, 0, result.err)
  return result.out
end

local function check_solution(class)
  local dir = exercise.make(class)
  local where = t.match(t.read(dir .. "/SOLUTION.md"), "%*%*Where:%*%* `(%w+)`")
  for _, name in ipairs { "README.md", "lesson.lua" } do
    t.has(t.read(dir .. "/" .. name), "diaglab load --step 50", "the load with which it shows")
  end
  local lab = t.start_with({ dir:match("^(.*)/") })
  local percent = t.match(follow_solution(lab, dir), "([%d.]+)%%  prices%." .. where)
  t.check(tonumber(percent) > 50, percent)
  t.equal(lab:stop(), 0)
end

local RECORDED = { ["cpu.hot"] = true, ["cpu.quadratic"] = true, ["wait.dependency"] = true }

local function check_solutions(are_recorded)
  for line in t.run(t.command { t.diaglab, "new", "--list" }).out:gmatch("[^\n]+") do
    local class = line:match("^%S+")
    if (RECORDED[class] or false) == are_recorded then check_solution(class) end
  end
end

t.test("what a solution does shows the function to blame", function() check_solutions(false) end)

t.long("also where a profile is recorded", function() check_solutions(true) end)

t.finish()
