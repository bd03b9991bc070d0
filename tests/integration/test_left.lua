-- SPDX-License-Identifier: MIT
-- What the proof says of a step that leaves something behind. The lab takes back
-- nearly all that a program has, so no program shows most of these stages; here
-- visits are made up, each with one thing that is left.
local t = require "harness"

local host = { now = function() return 0 end, temp_folder = function() return "/temp" end }
for _, name in ipairs { "make_folder", "link", "remove_tree" } do host[name] = function() return true end end
function host.realpath(path) return path end
function host.scan() return {} end

local function part(name, ...) return assert(loadfile(("%s/lua/%s.lua"):format(t.source, name)))(...) end

-- What prove.lua reports of an exercise whose visits leave FAULT, and with the
-- repaired program FIXED.
local function report_of(fault, fixed)
  local claim = part "claim"
  local function clean() return { tasks = 0, fds = 0, heap = 0, rss = 100e6, processes = {}, files = {} } end
  local function visit(plan)
    local left = clean()
    for key, value in pairs(plan.scenarios:find "fixed" and fixed or fault) do left[key] = value end
    return { slug = "prices", elapsed = 1, requests = 10, left = left, profiles = {} }
  end
  local about = function() return false end
  local parts = { claim = claim, data = part("data", host), faults = part "faults",
    measure = { judge = function(_, visits) return visits[1].elapsed == 1 and "yes" or "no", "seen" end,
      show = part("measure", host, { claim = claim }).show },
    lesson = { pathText = function() return "expect[1]" end }, visit = { make = visit, RSS_SLACK = 8e6 },
    answers = { prove = function() end }, naive = { solve = function() end }, student = { prove = function() end },
    check = { isAbout = about, isEvidence = about }, sentence = { isAbout = about, isEvidence = about } }
  parts.left, parts.reason = part("left", parts), part("reason", host, parts)
  local sentence = { subject = { metric = "orders_total" }, during = "load", always = true, path = { "expect", 1 },
    text = "orders_total: value >= 1" }
  local folder = { name = "50-prices", dir = "root/50-prices", number = 50, slug = "prices",
    fixed_file = "root/50-prices/fixed.lua", outline = { params = {} },
    locate = function() return "lesson.lua", 1 end,
    lesson = { load = { requests = 1, clients = 1, path = "/" }, fixed = { file = "fixed.lua" },
      expect = { sentence } } }
  return part("prove", host, parts).folder(folder, {}, function() end)
end

-- { what is left, what is left by the repaired program, what is said }
local LEFT = {
  { { tasks = 3 }, {}, "3 tasks are left 4 s after the step was left" },
  { { fds = 2 }, {}, "2 descriptors are left" },
  { { heap = 5e6 }, {}, "5MB of its heap are left" },
  { { processes = { "sleep (12)", "sh (13)" } }, {}, "processes are left: sleep (12), sh (13)" },
  { { files = { "a" } }, {}, "temporary files are left: a" },
  { { files = { "a", "b", "c", "100%", "e" } }, {}, "temporary files are left: a, b, c and 2 more" },
  { { rss = 130e6 }, {}, "the process keeps 20MB more than after the repaired program, beyond 10 %" },
}

t.test("each thing that is left is told, and nothing else", function()
  for _, case in ipairs(LEFT) do
    local report = report_of(case[1], case[2])
    t.equal(table.concat(report.problems, "\n"), case[3])
    t.equal(report.verdict, "not proven")
    t.check(not report.left.ok, "the stage")
  end
end)

t.test("what is within bounds, or left by both programs, is not", function()
  for _, case in ipairs { { {}, {} }, { { rss = 117e6 }, {} }, { { rss = 300e6 }, { rss = 300e6 } } } do
    local report = report_of(case[1], case[2])
    t.equal(table.concat(report.problems, "\n"), "")
    t.equal(report.verdict, "proven")
  end
end)

t.finish()
