-- SPDX-License-Identifier: MIT
-- Nothing that a student may read before a step is solved tells its class, or the
-- function to blame: what the lab says of a step, its source, its card, and the handbook.
-- (A function's name stands in the student's own profiles.)
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
  "/lab/", "/lab/api/progress", "/lab/api/repair",
  "/lab/lesson", "/lab/steps", "/debug/pprof/", "/hint?format=json", "/hint?n=9" }

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

-- Adds the WORDS words in a row that TEXT has somewhere, each once.
local WORDS = 5
local function add_phrases(text, phrases)
  local mine = {}
  for sentence in text:gsub("```.-```", "."):gsub("`[^`]*`", "."):gsub("%s+", " "):gmatch("[^.:?!]+") do
    local words = {}
    for word in sentence:lower():gmatch("[%w']+") do words[#words + 1] = word end
    for i = 1, #words - WORDS + 1 do mine[table.concat(words, " ", i, i + WORDS - 1)] = true end
  end
  for phrase in pairs(mine) do phrases[phrase] = (phrases[phrase] or 0) + 1 end
end

-- What only healthy steps say tells that they are healthy: PHRASES of two of these, and
-- of no faulty one. (What one step says alone is its own.)
local function telling(healthy, faulty)
  local found = {}
  for phrase, n in pairs(healthy) do
    if n > 1 and not faulty[phrase] then found[#found + 1] = phrase end
  end
  table.sort(found)
  return found
end

t.test("the search for what only healthy steps say finds it", function()
  local healthy, faulty = {}, {}
  add_phrases("Measure it; and then, what is wrong, where, and who?", healthy)
  add_phrases("Say what is wrong, where, and by how much. Once.", healthy)
  t.equal(table.concat(telling(healthy, faulty), "; "), "what is wrong where and")
  add_phrases("what is\nwrong, where, and why?", faulty)
  t.equal(#telling(healthy, faulty), 0)
end)

t.test("a card or a hint of a healthy step says nothing that only healthy steps say", function()
  local healthy, faulty = {}, {}
  for _, folder in ipairs(t.names(SCENARIOS)) do
    local number = tonumber(folder:match("^(%d+)%-"))
    if number and number > 0 then
      local lesson = assert(loadfile(SCENARIOS .. folder .. "/lesson.lua", "t", {}))()
      add_phrases(table.concat({ t.read(SCENARIOS .. folder .. "/README.md"), lesson.title, lesson.symptom,
        table.concat(lesson.hints, " . ") }, " . "), lesson.diagnosis.class == "none" and healthy or faulty)
    end
  end
  t.check(next(healthy) and next(faulty), "there are steps of both kinds")
  local found = telling(healthy, faulty)
  t.check(#found == 0, "only healthy steps say: " .. table.concat(found, "; "))
end)

-- The handbook is read before the course. Its chapters take their examples from the
-- steps 0 to 6. Only its first page names the others, in a list with links.
local course = {} -- number -> folder
for _, folder in ipairs(t.names(SCENARIOS)) do
  local number = folder:match("^(%d%d)%-")
  if number and tonumber(number) >= 10 then course[number] = folder end
end

local function check_chapter(text, name)
  for line in text:gmatch("[^\n]+") do
    for _, pattern in ipairs { "scenarios/(%d%d)%-", "step[s=]*%s*(%d%d)%f[^%d]" } do
      for number in line:gmatch(pattern) do
        if course[number] then
          t.check(name == "README.md", ("%s names step %s, and so tells what it is about"):format(name, number))
          local class, where = read_lesson(course[number])
          check_text(line, class, where, ("%s, beside step %s,"):format(name, number))
        end
      end
    end
  end
end

t.test("no chapter of the handbook tells what a step of the course is about", function()
  for _, text in ipairs { "as in [it](../../scenarios/50-stations/SOLUTION.md)", "see step 43", "steps 30 to 36",
    "curl 'localhost:6060/goto?step=50'" } do
    t.check(not pcall(check_chapter, text, "tails.md"), "it sees " .. text)
  end
  t.check(not pcall(check_chapter, "`leak.child`: [it](../../scenarios/43-parcels/README.md)", "README.md"),
    "it sees a class in the list")
  local folder, n = t.source .. "/docs/handbook/", 0
  for _, name in ipairs(t.names(folder)) do
    if name:find("%.md$") then
      check_chapter(t.read(folder .. name), name)
      n = n + 1
    end
  end
  t.check(n > 10, "there are chapters")
end)

for _, folder in ipairs(t.names(SCENARIOS)) do
  local number = tonumber(folder:match("^(%d+)%-"))
  if number and number > 0 then
    local class, where = read_lesson(folder)
    -- That all is well is what one says first who knows nothing, and hears that it is right.
    -- The six of the original show that the pages are right; what a lesson says is its own.
    local function test(name, body)
      if class[1] == "none" then return end
      if number < 10 then t.test(name, body) else t.long(name, body) end
    end
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
