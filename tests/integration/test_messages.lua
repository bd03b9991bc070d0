-- SPDX-License-Identifier: MIT
-- Mistakes in scenarios whose message was once of no help: each names the file, the
-- line, and what to do.
local t = require "harness"

local REQUEST = "request = function() end }"

-- { slug, files, what /goto answers, what --list says }
local CASES = {
  { "11-io", { scenario = 'local f = io.open("/x") return { ' .. REQUEST },
    "scenario.lua:1: there is no 'io' here: files are lab.open, lab.temp_file and lab.temp_dir" },
  { "12-time", { scenario = "return {\n request = function() end,\n enter = function() os.time() end }" },
    "scenario.lua:3: there is no 'os' here: use lab.now, lab.cpu_time and lab.spawn", "" },
  { "13-co", { scenario = "return { enter = function() coroutine.wrap(print) end, " .. REQUEST },
    "scenario.lua:1: there is no 'coroutine' here: tasks are lab.go", "" },
  { "14-two", { scenario = "return { " .. REQUEST .. ", 2" },
    "scenario.lua:1: a scenario returns one table, and nothing" },
  { "15-circle", { scenario = 'lab.include "a" return { ' .. REQUEST, a = 'lab.include "b"', b = 'lab.include "a"' },
    "b.lua:1: include: 'a' includes itself" },
  { "21-again", { scenario = "pcall(lab.include, 'broken') lab.include 'broken' return { " .. REQUEST,
    broken = "error 'no luck'" }, "broken.lua:1: no luck" },
  { "22-zero", { scenario = 'return { limits = { memory = "0MiB" }, ' .. REQUEST },
    "scenario.lua:1: limits.memory must be like" },
  { "23-part", { scenario = 'return { limits = { memory = "0.1B" }, ' .. REQUEST },
    "scenario.lua:1: limits.memory must be like" },
  { "16-missing", { scenario = 'lab.include "none" return { ' .. REQUEST }, "scenario.lua:1: include: " },
  { "17-error", { scenario = "return {\n enter = function()\n  error({})\n end, " .. REQUEST },
    "scenario.lua:3: the error is a table, not a message", "" },
  { "18-bom", { scenario = "\xef\xbb\xbfreturn { " .. REQUEST }, "switched to step 18", "" },
  { "31-global", { scenario = "function helper() end return { " .. REQUEST },
    "scenario.lua:1: assignment to global 'helper' (use local)" },
  { "32-folder", { scenario = 'lab.include "data/words" return { ' .. REQUEST },
    "scenario.lua:1: include: a name of letters, digits, _ and - is wanted" },
  { "33-library", { scenario = "string.trim = print return { " .. REQUEST },
    "scenario.lua:1: assignment to string.trim: string is read-only" },
  { "34-lab", { scenario = "lab.mine = 1 return { " .. REQUEST },
    "scenario.lua:1: assignment to lab.mine: lab is read-only" },
  { "35-version", { scenario = "local n = #_VERSION return { " .. REQUEST }, "switched to step 35", "" },
  -- What lab gives while a file is listed is a stand-in, and the message says so.
  { "36-words", { scenario = 'for w in lab.open("words.lua"):read(99):gmatch("%a+") do print(w) end return { '
    .. REQUEST, words = "one two" }, "switched to step 36",
    "it doesn't come to an end: while a file is loaded, what lab gives is a stand-in" },
  { "37-floor", { scenario = "local n = math.floor(lab.buffer(10):len()) return { " .. REQUEST },
    "switched to step 37", "scenario.lua:1: bad argument #1 to 'floor' (number expected, got a stand-in: in enter" },
  { "38-bits", { scenario = "local n = (~lab.buffer(10):len() | 7) << 1 return { " .. REQUEST },
    "switched to step 38", "" },
  { "19-sort", { scenario = [[return { enter = function()
  table.sort({ 3, 1, 2 }, function() lab.sleep(0.001) end)
end, ]] .. REQUEST }, "scenario.lua:2: can't sleep here: a C function waits for this call", "" },
}

t.test("each mistake is told with its place", function()
  local root = t.temp_dir()
  for _, case in ipairs(CASES) do
    t.run(("mkdir %s/%s"):format(root, case[1]))
    for name, text in pairs(case[2]) do t.write(("%s/%s/%s.lua"):format(root, case[1], name), text) end
  end
  local lab = t.start_with({ root })
  local list = t.run(t.command { t.diaglab, "--list", "--scenarios", root }).out:gsub("%s+", " ")
  for _, case in ipairs(CASES) do
    t.has(lab:go_to(case[1]:match("%d+")).body, case[3], case[1])
    local listed = case[4] or case[3]
    if listed == "" then
      t.check(not list:find(case[1] .. "/scenario.lua:", 1, true), case[1] .. " is well in --list")
    else
      t.has(list, listed, case[1] .. " in --list")
    end
  end
  t.equal(lab:stop(), 0)
end)

t.test("a loop without an end is not always a stand-in's", function()
  local root = t.temp_dir()
  t.run(("mkdir %s/39-print"):format(root))
  t.write(root .. "/39-print/scenario.lua", 'while true do print("x") end')
  local list = t.run(t.command { t.diaglab, "--list", "--scenarios", root }).out
  t.has(list:gsub("%s+", " "), "it doesn't come to an end")
  t.check(not list:find("stand-in", 1, true), list)
end)

-- What a request returns, and what is wrong with it.
local ANSWERS = {
  { '{}', "request returned a table as body instead of a string" },
  { '"x", "y"', "request returned a status that is no number" },
  { '"x", 200, "text/plain"', "request returned a string as headers instead of a table" },
  { '"x", 200, 5', "request returned a number as headers instead of a table" },
  { '"x", 200, { a = true }', "request returned a header that is no string" },
}

t.test("an answer of the wrong types", function()
  local root, routes = t.temp_dir(), {}
  for i, case in ipairs(ANSWERS) do
    routes[i] = ('["/%d"] = function() return %s end'):format(i, case[1])
  end
  t.run(("mkdir %s/24-types"):format(root))
  local text = ("return { routes = { %s }, %s"):format(table.concat(routes, ", "), REQUEST)
  t.write(root .. "/24-types/scenario.lua", text)
  local lab = t.start_with({ root }, "--step", "24")
  for i, case in ipairs(ANSWERS) do t.has(lab:details(lab:get("/" .. i)), case[2]) end
  t.equal(lab:stop(), 0)
end)

t.test("a leave that doesn't end is told as that", function()
  local root = t.temp_dir()
  t.run(("mkdir %s/20-leave"):format(root))
  t.write(root .. "/20-leave/scenario.lua", "return { leave = function() while true do end end, " .. REQUEST)
  local lab = t.start_with({ root }, "--step", "20")
  t.equal(lab:go_to(0).status, 200)
  lab:wait_log("step 20: leave took too long and was")
  t.equal(lab:stop(), 0)
end)

t.test("folders that are no steps are listed with the reason", function()
  local root = t.temp_dir()
  for _, name in ipairs { "121_wrong", "120-", "12345-big", "30-right" } do
    t.run(("mkdir %s/%s"):format(root, name))
    t.write(("%s/%s/scenario.lua"):format(root, name), "return { " .. REQUEST)
  end
  t.run(("mkdir %s/31-empty"):format(root))
  local list = t.run(t.command { t.diaglab, "--list", "--scenarios", root })
  t.equal(list.code, 1)
  local text = list.out:gsub("%s+", " ")
  for _, name in ipairs { "121_wrong", "120-", "12345-big" } do
    t.match(text, "no step: [^ ]+" .. name:gsub("%-", "%%-") .. ": a folder is called NN%-slug")
  end
  t.match(text, "no step: [^ ]+31%-empty/scenario.lua: No such file")
  local lab = t.start_with({ root })
  t.match(lab:get("/steps?format=json").body, '"problems": %["[^"]+120%-')
  t.equal(lab:stop(), 0)
end)

t.test("the hints of a step whose folder is gone", function()
  local root = t.temp_dir()
  t.run(("mkdir %s/30-gone"):format(root))
  t.write(root .. "/30-gone/scenario.lua", "return { " .. REQUEST)
  local lab = t.start_with({ root }, "--step", "30")
  t.run(("rm -r %s/30-gone"):format(root))
  t.equal(lab:get("/hint").body, "step 30 has no hints: it has no folder\n")
  t.equal(lab:stop(), 0)
end)

-- Who copies the program alone has step 0, and should learn why.
t.test("a lab without scenarios says so", function()
  local dir = t.temp_dir()
  t.equal(t.run(t.command { "cp", t.diaglab, dir .. "/diaglab" }).code, 0)
  local alone = t.start_as(dir .. "/diaglab", t.start)
  t.equal(alone:go_to(11).body, "Invalid step 11\nThere are no scenarios: the program was copied away from its files. "
    .. "Start it with --scenarios DIR\n")
  t.equal(alone:stop(), 0)
  local empty = t.start("--scenarios", dir)
  t.equal(empty:go_to(11).body, ("Invalid step 11\nThere are no scenarios in %s\n"):format(dir))
  t.equal(empty:stop(), 0)
end)

t.finish()
