-- SPDX-License-Identifier: MIT
-- Functions in tables and methods: what profiles print, `diaglab check` knows and the
-- judge takes.
local t = require "harness"
local answers = require "answers"
local exercise = require "exercise"
t.need("curl", "go")

local PROGRAM = [[
local files = {}
local function keep() files[#files + 1] = assert(lab.temp_file(nil, "receipt-")) end
local handlers = { list = function() keep() end }
local M = {}
M.f = function() keep() end
function M:g() keep() end
return {
  limits = { fds = 300 },
  request = function()
    handlers.list()
    M.f()
    M:g()
    return "ok\n"
  end,
  routes = { ["/more"] = function() keep() end },
  leave = function() files = {} end,
}
]]
local NAMES = { "handlers.list", "M.f", "M:g", 'routes["/more"]' }

-- An exercise whose lesson calls the functions to blame as WHERE does.
local function make(where)
  local dir = exercise.make_twin()
  t.write(dir .. "/scenario.lua", PROGRAM)
  t.run("rm -r " .. dir .. "/answers")
  exercise.edit(dir, "lesson.lua", 'where = "writeReceipt"', ("where = { '%s' }"):format(table.concat(where, "', '")))
  local sentences = {}
  for i, name in ipairs(where) do
    sentences[i] = ("{ profile = \"lab.OpenFiles\", under = '%s', share = \">= 0.1\", value = \">= 0.1\" },\n    ")
      :format(name)
  end
  exercise.edit(dir, "lesson.lua", "{ profile =", table.concat(sentences) .. '{ profile =')
  t.run(("sed -i '/under = \"writeReceipt/d; s/, about = \"writeReceipt\"//' %s/lesson.lua"):format(dir))
  return dir
end

local function check(dir) return t.run(t.command { t.diaglab, "check", dir }) end

-- Of the lab in which the step of DIR has been asked: the names with which it begins
-- are those that pprof prints.
local function visit(dir)
  local lab = t.start_with({ dir:match("^(.*)/") }, "--step", "50")
  for _ = 1, 5 do
    t.equal(lab:get("/").status, 200)
    t.equal(lab:get("/more").status, 200)
  end
  local top = t.pprof.top(lab.url .. "/debug/pprof/lab.OpenFiles")
  for _, name in ipairs(NAMES) do t.check(top["receipts." .. name], name .. " is what pprof prints") end
  return lab
end

local function answer(lab, where, ...)
  answers.judged(lab, { class = "leak.file", where = where, evidence = "lab.OpenFiles" }, ...)
end

for what, where in pairs { ["as profiles print them"] = NAMES, ["by what is behind a dot"] = { "list", "f" } } do
  t.test("functions to blame are called " .. what, function()
    local dir = make(where)
    t.has(check(dir).out, "1 scenario: 0 errors")
    local lab = visit(dir)
    for i = 1, #where do
      answer(lab, "receipts." .. NAMES[i], "solved")
      answer(lab, NAMES[i], "solved")
    end
    answer(lab, "keep", "partial", "where.callee")
    t.equal(lab:stop(), 0)
  end)
end

t.test("another function in a table isn't to blame", function()
  local lab = visit(make { "list" })
  answer(lab, "receipts.M.f", "partial", "where.elsewhere")
  answer(lab, "M.list", "invalid", "where.unknown")
  t.equal(lab:stop(), 0)
end)

t.test("one function under two names is one", function()
  local dir = make { "handlers.list" }
  t.run(("sed -i 's/under = .handlers.list./under = \"list\"/' %s/lesson.lua"):format(dir))
  t.has(check(dir).out, "1 scenario: 0 errors")
  exercise.edit(dir, "lesson.lua", "where = { 'handlers.list' }", "where = { 'handlers.list' }, victims = { 'list' }")
  t.has(check(dir).out, "list is to blame, too")
end)

t.test("names that no profile has are refused", function()
  for _, name in ipairs { "M", "g", "M.g", '["/more"]', "handlers", "handler.list" } do
    local result = check(make { "list", name })
    t.equal(result.code, 1, name)
    t.has(result.out, ("diagnosis.where: the program has no function '%s'"):format(name))
  end
end)

t.finish()
