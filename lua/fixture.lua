-- SPDX-License-Identifier: MIT
-- The files of answers/: their form. answers.lua says what is proven of them.
--
-- fixture.lua(host, parts) -> fixture     parts: fields, lines
-- fixture.read(path) -> the table, { { line, text } ... } of what is wrong with it
--
-- A file is data, as a lesson is:
--   return { class = "wait.lock", where = "updatePrice", evidence = { "mutex" },
--     number = "20ms", ruled_out = { { class = "cpu.hot", evidence = "cpu" } },
--     code = "where.victim", captures = { "mutex", "cpu" }, idle = true }
-- evidence: which captures are named as evidence; any of them, if it is missing.
-- captures: which profiles were taken (and metrics); all, if it is missing. idle:
-- they were taken while nothing ran. code: the feedback that is expected, too.
-- One name stands for a list of it, and "cpu.hot:cpu" for what is ruled out, as in
-- the form. The table that is read has lists.

local host, parts = ...
local fields = parts.fields
local complain = fields.complain
local fixture = {}

-- As a student sends it: it may be empty, or be no class.
local function word(v)
  if type(v) == "string" then return v end
  complain("type", "must be a string, not a %s", type(v))
end

local function number(v)
  if type(v) == "string" or type(v) == "number" then return tostring(v) end
  complain("type", 'must be a number, or one with its unit: "20ms"')
end

-- One string, or a list of what CHECK reads: always a list.
local function oneOrMore(check, what)
  local list = fields.listOf(check, what)
  return function(v)
    if type(v) == "string" then return { v } end
    return list(v)
  end
end

local names = oneOrMore(word, "names")

local ITEM = { class = word, evidence = word }

local function ruledOutItem(v)
  if type(v) == "string" then return v end
  local item = fields.object(v, ITEM, "key of what is ruled out")
  if item and v.class == nil then complain("type", "class is missing") end
  return item
end

local ruledOut = oneOrMore(ruledOutItem, "classes")

local SHAPE = { class = word, where = word, class2 = word, where2 = word, class3 = word, where3 = word,
  evidence = names, number = number, ruled_out = ruledOut, code = word, captures = names, idle = fields.flag }

-- "answers/solved.lua:3: it is wrong" -> { 3, "it is wrong" }
local function splitProblem(problem, path)
  local rest = problem:sub(1, #path) == path and problem:sub(#path + 1) or ": " .. problem
  local line, text = rest:match("^:(%d*):? (.*)$")
  return { tonumber(line) or 1, text or problem }
end

function fixture.read(path)
  local text, unread = host.read(path)
  if not text then return {}, { splitProblem(unread, path) } end
  local t, problem = host.data(text, path)
  if not t then return {}, { splitProblem(problem, path) } end
  local kept, found = fields.read(function(v) return fields.object(v, SHAPE, "key of an answer") end, t)
  local lineOf = parts.lines.find(text)
  for i, p in ipairs(found) do
    local where = fields.pathText(p.path)
    found[i] = { lineOf(table.unpack(p.path)), (where ~= "" and where .. ": " or "") .. p.text }
  end
  return kept, found
end

return fixture
