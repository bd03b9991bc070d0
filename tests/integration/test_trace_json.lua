-- SPDX-License-Identifier: MIT
-- Traces as Chrome's trace events, by the rules of those who read them: no
-- complaint of speedscope's, no slice that another one hides, no two slices of a
-- row that overlap when a reader computes with doubles, and names without
-- arguments.
-- needs: time
local t = require "harness"
local speedscope = require "speedscope"
t.need("curl")

local scenarios = { t.source .. "/tests/integration/scenarios", t.source .. "/scenarios" }

-- A trace of AT_LEAST so many seconds, as JSON, with all of WORK.
local function take(lab, at_least, work)
  local file = t.temp_dir() .. "/trace.json"
  t.enough(function(seconds)
    os.remove(file)
    local asked = t.now()
    local curl = t.spawn(("curl -sSN -o %s '%s/debug/pprof/trace?seconds=%g&format=json'")
      :format(file, lab.url, seconds))
    t.eventually(function() return #(t.read(file) or "") > 0 end)
    work()
    local whole = t.now() < asked + seconds -- that it has lasted: its client may end later
    t.equal(curl:wait(seconds + 60), 0)
    return whole
  end, function(whole) return whole end, at_least)
  return t.read(file)
end

local function check(text, what)
  t.check(utf8.len(text), "not UTF-8")
  local rows, complaints = speedscope.read(text)
  t.equal(#complaints, 0, ("%s: %d complaints, such as %s"):format(what, #complaints, complaints[1]))
  local n, flat = 0, 0
  for row, slices in pairs(rows) do
    local last
    for _, slice in ipairs(slices) do
      n = n + 1
      t.check(not slice.key:find("{", 1, true), "arguments in the name " .. slice.key)
      -- Only regions are within each other.
      if row:match("^(%d+)/") ~= "3" then
        t.equal(slice.depth, 0, ("%s: %s is within another"):format(row, slice.name))
        t.check(not last or last.to < slice.from, ("%s: %s and %s touch"):format(row, slice.name, last and last.name))
        last = slice
        flat = flat + 1
      end
    end
  end
  t.check(flat > 5, what .. ": only " .. flat .. " slices")
  return rows, n
end

t.test("what students look at", function()
  local lab = t.start_with(scenarios, "--step", "0", "--param", "4.rounds=1")
  for _, step in ipairs { 0, 1, 4, 5, 6 } do
    t.equal(lab:go_to(step).status, 200)
    local text = take(lab, 2, function()
      t.run(("curl -s --max-time 1 '%s/?[1-2]' & curl -s --max-time 1 '%s/?[3-5]'; wait"):format(lab.url, lab.url))
      for _ = 1, 15 do lab:go_to(step) end
    end)
    check(text, "step " .. step)
  end
  t.equal(lab:stop(), 0)
end)

t.test("thousands of slices that touch each other", function()
  local lab = t.start_with(scenarios, "--step", "86")
  local text = take(lab, 3, function()
    t.equal(lab:get("/mutex").status, 200)
    t.equal(lab:get("/writer").status, 200)
  end)
  local _, n = check(text, "locks")
  t.check(n > 1000, n .. " slices")
  t.equal(lab:stop(), 0)
end)

t.test("regions: nested, empty, left open, ended by errors", function()
  local lab = t.start_with(scenarios, "--step", "69")
  check(take(lab, 2, function() t.equal(lab:get("/odd").status, 200) end), "odd ones")
  t.equal(lab:go_to(85).status, 200)
  local rows = check(take(lab, 4, function()
    t.equal(lab:go_to(85).status, 200) -- once more: /ends fills its memory
    t.equal(lab:get("/ends").status, 200)
    lab:get("/fails")
    lab:get("/left")
  end), "in all ways")
  local named = {}
  for row, slices in pairs(rows) do
    for _, slice in ipairs(slices) do
      if row:find("^3/") then named[slice.name] = true end
    end
  end
  t.check(named['"outer"'] and named['"caught"'] and named['"left"'], "regions have their names")
  t.equal(lab:stop(), 0)
end)

t.test("what a slice did is beside it", function()
  local lab = t.start_with(scenarios, "--step", "69")
  local text = take(lab, 1, function() t.equal(lab:get("/said").status, 200) end)
  local stop = t.match(text, '\n({"ph":"i","pid":1,"tid":0,[^\n]*"name":"sleep"[^\n]*})')
  t.match(stop, '"args":{"task":%d+,"then":"sleep","stack":"lab.sleep:')
  -- An instant ends with its slice.
  local at = tonumber(stop:match('"ts":([%d.]+)'))
  local found
  for _, slice in ipairs((speedscope.read("\n" .. text))["1/0"]) do
    found = found or slice.to
  end
  t.check(found, "slices of the VM")
  local whole = text:match('\n({"ph":"X"[^\n]*})[^\n]*\n{"ph":"i"[^\n]*"name":"sleep"')
  local from, dur = tonumber(whole:match('"ts":([%d.]+)')), tonumber(whole:match('"dur":([%d.]+)'))
  t.near(from + dur, at, 0.0005, "where the instant is")
  t.equal(lab:stop(), 0)
end)

t.finish()
