-- SPDX-License-Identifier: MIT
-- What lessons may have is said in three places: by the reader, in the tables of
-- docs/authoring.md, and in lua/types/lesson.lua. They say the same.
local t = require "harness"

local function part(name, ...) return assert(loadfile(("%s/lua/%s.lua"):format(t.source, name)))(...) end

local host = { did_you_mean = function() return "" end }
local parts = { claim = part "claim", classes = part "classes", fields = part("fields", host) }
parts.sentence = part("sentence", parts.fields, parts.claim)
local lesson = part("lesson", parts)

local SHAPES = { ["lab.Lesson"] = lesson.shape, ["lab.Load"] = parts.sentence.shapes.load,
  ["lab.Sentence"] = parts.sentence.shapes.sentence, ["lab.Diagnosis"] = lesson.diagnosis_shape }

local function same(got, want, what)
  local n = 0
  for key in pairs(want) do
    t.check(got[key], what .. " doesn't have " .. key)
    n = n + 1
  end
  for key in pairs(got) do t.check(want[key], what .. " has " .. key .. ", which no lesson may have") end
  t.check(n > 3, what)
end

t.test("the types have each key, and no other", function()
  local fields, class = {}, nil
  for line in t.read(t.source .. "/lua/types/lesson.lua"):gmatch("[^\n]+") do
    class = line:match("^%-%-%-@class (%S+)") or class
    local field = line:match("^%-%-%-@field (%S+)")
    if field then
      fields[class] = fields[class] or {}
      fields[class][field] = true
    end
  end
  for name, shape in pairs(SHAPES) do same(fields[name], shape, name) end
end)

-- The words in `backquotes` of the first column of the tables between two headings.
local function rows(text, from, to)
  local section = text:sub(t.check(text:find(from, 1, true)), t.check(text:find(to, 1, true)))
  local found = {}
  for first in section:gmatch("\n| ([^|]+) |") do
    for word in first:gmatch("`([%w_]+)`") do found[word] = true end
  end
  return found, section
end

t.test("the tables have each key, and no other", function()
  local text = t.read(t.source .. "/docs/authoring.md")
  local keys, section = rows(text, "\n## lesson.lua\n", "\n### Sentences\n")
  same(keys, lesson.shape, "the table of lesson.lua")
  for _, name in ipairs { "lab.Load", "lab.Diagnosis" } do
    for key in pairs(SHAPES[name]) do t.has(section, "`" .. key .. "`", name) end
  end
  local sentence = rows(text, "\n### Sentences\n", "\nIt claims a `share`")
  sentence.share, sentence.value = true, true -- the text below says how they are written
  same(sentence, SHAPES["lab.Sentence"], "the tables of sentences")
end)

t.test("the profiles, fields and moments of sentences are those that the reader knows", function()
  local text = t.read(t.source .. "/docs/authoring.md")
  local _, section = rows(text, "\n### Sentences\n", "\n### What is proven\n")
  for name, types in pairs(parts.sentence.profiles) do
    for _, kind in ipairs(types.named and types or {}) do t.has(section, kind, name) end
    t.match(section, "`" .. name:gsub("%.", "%%.") .. "[`.]", name)
  end
end)

t.finish()
