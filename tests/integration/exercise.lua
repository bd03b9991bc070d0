-- SPDX-License-Identifier: MIT
-- Exercises for tests of the authoring kit.
--
--   exercise.make(class[, slug])    a new exercise that is right -> its folder
--   exercise.make_twin()            the one that is proven most quickly
--   exercise.prove(...)             `diaglab test` with these words -> as of t.run
--   exercise.edit(dir, file, from, to)
--     In FILE of DIR, replaces the plain text FROM by TO -> the line of FROM.
--   exercise.numbers()              of those that come with the program: "0 1 2", as
--                                   messages list them
local t = require "harness"
local lfs = require "lfs"
local exercise = {}

-- What is in DIR, each as { path =, text = }; a folder, which comes before what is in
-- it, has no text.
local function read_folder(dir, prefix, list)
  for _, name in ipairs(t.names(dir)) do
    local path = dir .. "/" .. name
    local is_folder = lfs.attributes(path, "mode") == "directory"
    list[#list + 1] = { path = prefix .. name, text = not is_folder and t.read(path) or nil }
    if is_folder then read_folder(path, prefix .. name .. "/", list) end
  end
  return list
end

local function write_folder(dir, list)
  assert(lfs.mkdir(dir))
  for _, one in ipairs(list) do
    local path = dir .. "/" .. one.path
    if one.text then t.write(path, one.text) else assert(lfs.mkdir(path)) end
  end
end

-- Of each sort `diaglab new` makes the first one.
local known = {}

function exercise.make(class, slug)
  slug = slug or "prices"
  local root, sort = t.temp_dir(), class .. " " .. slug
  local dir = root .. "/50-" .. slug
  if known[sort] then
    write_folder(dir, known[sort])
    return dir
  end
  local made = t.run(t.command { t.diaglab, "new", "--class", class, "--dir", root, slug })
  t.equal(made.code, 0, made.err)
  known[sort] = read_folder(dir, "", {})
  return dir
end

function exercise.make_twin() return exercise.make("leak.file", "receipts") end

function exercise.prove(...) return t.run(t.command { t.diaglab, "test", ... }) end

function exercise.edit(dir, file, from, to)
  local path = dir .. "/" .. file
  local text = t.read(path)
  local a, b = text:find(from, 1, true)
  t.check(a, ("%s has '%s'"):format(file, from))
  t.write(path, text:sub(1, a - 1) .. to .. text:sub(b + 1))
  return select(2, text:sub(1, a):gsub("\n", "")) + 1
end

function exercise.numbers()
  local numbers = {}
  for _, name in ipairs(t.names(t.source .. "/scenarios")) do
    numbers[#numbers + 1] = tonumber(name:match("^(%d+)%-"))
  end
  table.sort(numbers)
  return table.concat(numbers, " ")
end

return exercise
