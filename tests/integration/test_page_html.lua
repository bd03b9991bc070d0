-- SPDX-License-Identifier: MIT
-- The HTML of the page, made of facts that are written here: what a lab of another
-- build, or in another state, says to those who look.
local t = require "harness"

local function part(name, ...) return assert(loadfile(("%s/lua/%s.lua"):format(t.source, name)))(...) end

local write = part("page", { fields = part("fields", {}), classes = part "classes",
  progress = part("progress", { read_json = part "json" }), shell = part "shell" })

-- The page of a lab in step 3 of which nothing else is known than FURTHER facts and SUMS.
local function page_of(further, sums)
  local facts = { host = "localhost:6060", step = 3, slug = "archive", title = "Archive", params = {}, since = 0,
    fixed = false, gives_hints = true, told = 0, hints = {}, captures = {}, load = {}, check = {}, solved = {},
    catalog = { steps = { { number = 3, title = "Archive" } } }, modules = { "app.js" }, keeps = true }
  for key, value in pairs(further or {}) do facts[key] = value end
  return write(facts, sums or "", function() end)
end

local FLIGHT, VIEWER = "<meta name=flight content=", "<meta name=speedscope content="

t.test("what the lab has beside is told to the scripts, each by itself", function()
  for _, case in ipairs { { nil, nil }, { 5, nil }, { nil, "/v.html" }, { 5, "/v.html" } } do
    local flight, viewer = case[1], case[2]
    local page = page_of { flight = flight, speedscope = viewer }
    t.equal(page:find(FLIGHT .. '"5"', 1, true) ~= nil, flight ~= nil, "flight")
    t.equal(page:find(VIEWER .. '"/v.html"', 1, true) ~= nil, viewer ~= nil, "speedscope")
  end
end)

t.test("commands in hints and symptoms are for the lab that shows them", function()
  local say = "`curl localhost:6060/` and http://localhost:6060/debug/pprof/"
  local page = page_of { host = "localhost:7011", hints = { { n = 1, hint = say } }, told = 1,
    catalog = { steps = { { number = 3, title = "Archive", symptom = say, hints = 2 } } } }
  t.has(page, "<li><code>curl localhost:7011/</code> and http://localhost:7011/debug/pprof/</li>")
  t.equal(page:find("localhost:6060", 1, true), nil)
end)

t.finish()
