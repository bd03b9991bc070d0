-- SPDX-License-Identifier: MIT
-- Exercises for tests of the authoring kit.
--
--   exercise.make(class[, slug])    a new exercise that is right -> its folder
--   exercise.edit(dir, file, from, to)
--     In FILE of DIR, replaces the plain text FROM by TO -> the line of FROM.
local t = require "harness"
local exercise = {}

function exercise.make(class, slug)
  local root = t.temp_dir()
  local made = t.run(t.command { t.diaglab, "new", "--class", class, "--dir", root, slug or "prices" })
  t.equal(made.code, 0, made.err)
  return root .. "/50-" .. (slug or "prices")
end

function exercise.edit(dir, file, from, to)
  local path = dir .. "/" .. file
  local text = t.read(path)
  local a, b = text:find(from, 1, true)
  t.check(a, ("%s has '%s'"):format(file, from))
  t.write(path, text:sub(1, a - 1) .. to .. text:sub(b + 1))
  return select(2, text:sub(1, a):gsub("\n", "")) + 1
end

return exercise
