-- SPDX-License-Identifier: MIT
-- Nothing that a student may read before a step is solved tells its class, or the
-- function to blame: what the lab says of a step, its source, and its card. (A
-- function's name stands in the student's own profiles.)
local t = require "harness"

local SCENARIOS = t.source .. "/scenarios/"

local function list_of(v) return type(v) == "table" and v or { v } end

-- What a lesson's diagnosis says: the classes and functions of its faults.
local function read_lesson(folder)
  local d = assert(loadfile(SCENARIOS .. folder .. "/lesson.lua", "t", {}))().diagnosis
  local classes, where = list_of(d.class), list_of(d.where)
  if d.also then
    table.insert(classes, d.also.class)
    table.move(list_of(d.also.where), 1, #list_of(d.also.where), #where + 1, where)
  end
  return classes, where
end

-- "enter" is an English word, too: it spoils only as code.
local function check_text(text, classes, where, what)
  for _, class in ipairs(classes) do
    t.check(not text:find(class, 1, true), what .. " has the class " .. class)
  end
  for _, name in ipairs(where) do
    local found = name ~= "enter" and text:find(name, 1, true)
    t.check(not found, ("%s has the function %s: %s"):format(what, name,
      found and text:sub(math.max(1, found - 60), found + 60) or ""))
  end
end

local PAGES = { "/", "/steps", "/steps?format=json", "/status", "/metrics", "/debug/vars", "/lab/captures",
  "/lab/captures?format=json", "/lab/progress", "/lab/progress?format=json", "/lab/progress?format=csv", "/lab/answer",
  "/lab/", "/lab/api/repair", "/lab/lesson", "/lab/steps", "/debug/pprof/", "/hint?format=json", "/hint?n=9" }

-- Answers that may be tried without knowing anything.
local ANSWERS = { "", "class=none", "class=", "class=x", "where=request", "class=none&where=request",
  "class=none&where=main", "class=tail.slow_path&where=request&evidence=heap", "class=net.retry&where=enter",
  "class=none&number=5", "class=io.log&where=scenario.lua:2", "class=io.log&ruled_out=cpu.hot:cpu" }

local SLOW = { ["wait.lock"] = true, ["cpu.hot"] = true } -- their requests

local function walk(lab, class, where)
  for _, path in ipairs(PAGES) do
    if path ~= "/" or not SLOW[class[1]] then
      -- The page's form offers all classes that there are.
      local text = lab:get(path).body:gsub("<select.-</select>", "")
      check_text(text, class, where, path)
    end
  end
  for n = 1, 9 do
    local hint = lab:get("/hint?n=" .. n)
    check_text(hint.body, class, where, "hint " .. n)
    if hint.status == 404 then break end
  end
  for _, answer in ipairs(ANSWERS) do
    for _, form in ipairs { "text", "json" } do
      check_text(lab:post("/lab/answer?format=" .. form, answer).body, class, where, "the answer to " .. answer)
    end
  end
end

for _, folder in ipairs(t.names(SCENARIOS)) do
  local number = tonumber(folder:match("^(%d+)%-"))
  if number and number > 0 then
    local class, where = read_lesson(folder)
    -- That all is well is what one says first who knows nothing, and hears that it is right.
    -- The six of the original show that the pages are right; what a lesson says is its own.
    local test = class[1] == "none" and function() end or number < 10 and t.test or t.long
    test(folder .. ": the lab tells neither class nor function", function()
      local lab = t.start("--hints", "0", "--state", t.temp_dir())
      lab:go_to(number)
      walk(lab, class, where) -- of one who has looked at nothing
      lab:get("/debug/pprof/heap") -- and of one who has captured something
      lab:get("/debug/pprof/goroutine?debug=1")
      walk(lab, class, where)
      t.equal(lab:stop(), 0)
    end)

    t.test(folder .. ": its card and its source don't tell either", function()
      local card = t.read(SCENARIOS .. folder .. "/README.md")
      check_text(card, class, where, "README.md")
      t.check(not card:find("SOLUTION", 1, true), "the card doesn't lead to the solution")
      for target in card:gmatch("%]%(([^)]+)%)") do
        t.check(not target:find("scenario.lua") and not target:find("lesson"), "no link to " .. target)
      end
      local source = t.read(SCENARIOS .. folder .. "/scenario.lua")
      check_text(source, class, {}, "scenario.lua")
      for comment in source:gmatch("%-%-([^\n]*)") do
        t.check(comment:find("check: allow", 1, true) or not comment:find("leak"), "a comment tells it: " .. comment)
      end
    end)
  end
end

t.finish()
