-- SPDX-License-Identifier: MIT
-- needs: time
-- A student gets the program of a step, repairs it, and the lab proves it: the fault
-- is gone, and requests are served as before.
local t = require "harness"

local SCENARIOS = t.source .. "/scenarios"

local function repair(...) return t.run(t.command { t.diaglab, "repair", "--scenarios", SCENARIOS, ... }) end

-- The program of step N in a folder of its own -> the folder.
local function given(n)
  local dir = t.temp_dir() .. "/mine"
  local result = repair(tostring(n), dir)
  t.equal(result.code, 0, result.err)
  return dir, result.out:match("is (%S+)/scenario%.lua")
end

local function proves(dir, code, verdict)
  local result = repair("--check", dir)
  t.equal(result.code, code, result.out .. result.err)
  t.match(result.out, "^%d+%-%w+: " .. verdict)
  return result.out
end

local function edit(dir, from, to)
  local text = t.read(dir .. "/scenario.lua")
  local a, b = text:find(from, 1, true)
  t.check(a, "scenario.lua has " .. from)
  t.write(dir .. "/scenario.lua", text:sub(1, a - 1) .. to .. text:sub(b + 1))
end

t.test("the program is given, and nothing that tells the answer", function()
  local dir, folder = given(5)
  t.equal(t.read(folder .. "/scenario.lua"), t.read(SCENARIOS .. "/05-workers/scenario.lua"))
  for _, name in ipairs(t.names(folder)) do
    t.check(name == "scenario.lua" or name == "README.md", name)
  end
  t.equal(repair("5", dir).code, 2, "nothing is overwritten")
  t.equal(repair("6", dir).code, 0, "another step beside it")
  local lab = t.start_with({ dir, SCENARIOS }, "--step", "5")
  t.equal(lab:get("/").status, 200)
  t.equal(lab:get("/goto?step=3").status, 200, "the others are there, too")
  t.equal(lab:stop(), 0)
end)

t.test("the lesson's own repair passes, the fault itself doesn't", function()
  local _, folder = given(5)
  t.has(proves(folder, 1, "still there"), "goroutine under startGoroutines")
  t.write(folder .. "/scenario.lua", t.read(SCENARIOS .. "/05-workers/fixed.lua"))
  proves(folder, 0, "repaired")
  local json = repair("--check", folder, "--json")
  t.match(json.out, '^{"name": "05%-workers", "reasons": %[%], "seconds": [%d.]+, "verdict": "repaired"}\n$')
end)

t.test("who hides the fault is found, and who leaves out the work", function()
  local _, folder = given(5)
  local text = t.read(folder .. "/scenario.lua")
  t.write(folder .. "/scenario.lua", (text:gsub("startGoroutines", "harmless")))
  t.has(proves(folder, 1, "still there"), "go_goroutines")
  t.write(folder .. "/scenario.lua",
    (text:gsub("\n  request = ", "\n  request = function() error('no') end,\n  leave = ")))
  t.has(proves(folder, 1, "gone with its work"), "0 % of the requests")
  t.write(folder .. "/scenario.lua",
    (text:gsub("\n  request = ", "\n  request = function() return 'done' end,\n  leave = ")))
  t.has(proves(folder, 1, "gone with its work"), "the answer to / is another one")
  edit(folder, "return {", "return }{")
  t.has(proves(folder, 1, "broken"), "scenario.lua:")
end)

t.test("what can't be done is told", function()
  for words, message in pairs { [""] = "name the number", ["x"] = "name the number", ["99"] = "there is no step 99",
    ["1 a b"] = "unexpected argument", ["--check " .. t.temp_dir()] = "there is no scenario here" } do
    local result = t.run(t.command { t.diaglab, "repair", "--scenarios", SCENARIOS } .. " " .. words)
    t.equal(result.code, 2, words)
    t.has(result.err, message)
  end
end)

t.finish()
