-- SPDX-License-Identifier: MIT
-- Junk that the proof of an exercise tries: a judge that believes it is found out,
-- each piece by its name; one that refuses it is not.
local t = require "harness"

local host = { did_you_mean = function() return "" end }

function host.exists(path) return path:find("^root/5[01]%-") ~= nil end

function host.scan(path) return path == "root" and { ".", "..", "50-prices", "51-orders", "52-empty" } or {} end

function host.read(path)
  return path == "root/51-orders/lesson.lua" and "return { diagnosis = { class = 'leak.file', where = 'save' } }" or nil
end

function host.data(text) return assert(load(text, "data", "t", {}))() end

local sizes = {}

-- Believes whatever it is given; the real one is tested with its own files.
function host.decode(bytes)
  sizes[#bytes > 32000000 and "huge" or bytes:find("^prices%.") and "text" or "profile"] = true
  return { top = function() return {} end }
end

local lesson = {
  diagnosis = { class = { "cpu.hot" }, where = { "render" } },
  expect = { { subject = { profile = "cpu", type = "cpu" }, under = { "render" } },
    { subject = { profile = "goroutine", type = "goroutine" }, under = { "render" } },
    { subject = { metric = "orders_total", labels = {} } } },
}

local function try(verdict)
  local faults = assert(loadfile(t.source .. "/lua/faults.lua"))()
  local parts = { classes = assert(loadfile(t.source .. "/lua/classes.lua"))(), faults = faults,
    junk = assert(loadfile(t.source .. "/lua/junk.lua"))(host, { faults = faults }),
    judge = { answer = function() return { verdict = verdict } end, plainName = function(name) return name end,
      isOneOf = function(name, names) return name == names[1] end } }
  local answers = assert(loadfile(t.source .. "/lua/answers.lua"))(host, parts)
  local seen = { slug = "prices", profiles = {}, requests = 10 }
  local report = { problems = {} }
  answers.prove({ dir = "root/50-prices", root = "root", name = "50-prices", lesson = lesson },
    { order = { { visits = { fault = { seen }, fixed = { seen } } } } }, report)
  return report
end

t.test("a judge that believes all is told of each piece of junk", function()
  local report = try("solved")
  t.check(sizes.huge and sizes.text and sizes.profile, "files that are huge, no profile, and small")
  local found = table.concat(report.problems, "\n") .. "\n"
  for _, what in ipairs { "an empty answer", "request, as cpu.hot", "every class at once",
    "the right answer without a capture", "the right answer with idle captures",
    "the right answer with captures of the repaired program",
    "the right answer with a file that has one sample as cpu profile",
    "the right answer with that of another step as cpu profile",
    "the right answer with that of another step as goroutine profile",
    "the right answer with a file of 50 MB as cpu profile", "the right answer with a text as cpu profile",
    "the answer of 51-orders (leak.file in save)" } do
    t.has(found, what .. " is taken for the solution\n")
  end
  t.equal(#report.problems, report.junk.tried, "each is told")
end)

t.test("one that refuses it is not", function()
  local report = try("wrong")
  t.equal(table.concat(report.problems, "\n"), "")
  t.check(report.junk.ok and report.junk.tried > 30, "all were tried")
end)

t.finish()
