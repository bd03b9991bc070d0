-- SPDX-License-Identifier: MIT
-- lab.include by several tasks: a file runs once, also while it waits; a task that
-- ends in the middle of it holds up nobody, and a circle is an error wherever it is.
local t = require "harness"
t.need("curl")

local SCENARIO = [[
local runs, gate = {}, lab.channel()

local function began(name) runs[name] = (runs[name] or 0) + 1 end

-- All that the files need of the scenario, which they can't see.
local shared = { began = began, gate = gate }

local function include(name) return lab.include(name) end
local function first_line(text) return tostring(text):match("^[^\n]*"):gsub("^%S+:%d+: ", "") end
local function settle() for _ = 1, 5 do lab.sleep(0) end end

-- N tasks that include NAME; the first one runs it.
local function start(name, n)
  local tasks = { lab.go(include, name) }
  while not runs[name] do lab.sleep(0.001) end
  for i = 2, n do tasks[i] = lab.go(include, name) end
  settle()
  return tasks
end

local function results(tasks)
  local texts = {}
  for i, task in ipairs(tasks) do
    local _, value = task:join()
    texts[i] = type(value) == "table" and tostring(value.n) or first_line(value)
  end
  return (table.concat(texts, "; "))
end

return {
  request = function() end,
  enter = function() lab.include("shared").set(shared) end,
  routes = {
    ["/once"] = function()
      local tasks = start("slow", 5)
      gate:send(true)
      return ("%s, %d run"):format(results(tasks), runs.slow)
    end,
    -- All wait for each in turn; each takes long to compile, so slices end meanwhile.
    ["/crowd"] = function()
      local tasks, n, all = {}, 0, 0
      for i = 1, 300 do
        tasks[i] = lab.go(function() for k = 1, 20 do include("long" .. k) end end)
      end
      for _, task in ipairs(tasks) do n = n + (task:join() and 1 or 0) end
      for k = 1, 20 do all = all + runs["long" .. k] end
      return ("%d loaded, %d runs"):format(n, all)
    end,
    -- The first one raises: the next one that waits tries again.
    ["/fails"] = function()
      local tasks = start("fails", 3)
      gate:send(false)
      gate:send(true)
      return ("%s, %d runs"):format(results(tasks), runs.fails)
    end,
    -- The first one is cancelled, and so is one that waits.
    ["/cancelled"] = function()
      local tasks = start("cancelled", 4)
      tasks[1]:cancel()
      tasks[2]:cancel()
      tasks[1]:join()
      gate:send(true)
      return ("%s, %d runs"):format(results(tasks), runs.cancelled)
    end,
    -- Two tasks, each in a file that includes the other's.
    ["/ring"] = function()
      local tasks = { lab.go(include, "left"), lab.go(include, "right") }
      settle()
      for _ = 1, 3 do gate:send(true) end -- the one that raises is tried again
      return results(tasks)
    end,
    ["/sort"] = function()
      local first = lab.go(include, "sorted")
      settle()
      local _, problem = pcall(table.sort, { 2, 1 }, function() lab.include "sorted" end)
      gate:send(true)
      first:join()
      return (first_line(problem))
    end,
  },
}]]

local WAITS = [[
local shared = lab.include("shared").get()
shared.began %q
shared.gate:recv()
return { n = %d }]]

local FILES = {
  scenario = SCENARIO,
  shared = "local kept return { set = function(v) kept = v end, get = function() return kept end }",
  slow = WAITS:format("slow", 7),
  cancelled = WAITS:format("cancelled", 8),
  sorted = WAITS:format("sorted", 9),
  fails = [[
local shared = lab.include("shared").get()
shared.began "fails"
if not shared.gate:recv() then error("no luck", 0) end
return { n = 5 }]],
  left = 'lab.include("shared").get().gate:recv() return lab.include "right"',
  right = 'lab.include("shared").get().gate:recv() return lab.include "left"',
}

for k = 1, 20 do
  FILES["long" .. k] = ('lab.include("shared").get().began "long%d"\n'):format(k)
    .. ("local function f(x) return x * 2 + 1 end\n"):rep(100) .. "return true"
end

local function start()
  local dir = t.temp_dir()
  t.run("mkdir " .. dir .. "/900-include")
  for name, text in pairs(FILES) do t.write(("%s/900-include/%s.lua"):format(dir, name), text) end
  return t.start_with({ dir }, "--step", "900")
end

t.test("a file runs once for all tasks that want it", function()
  local lab = start()
  t.equal(lab:get("/once").body, "7; 7; 7; 7; 7, 1 run")
  t.equal(lab:get("/fails").body, "no luck; 5; 5, 2 runs")
  t.equal(lab:get("/cancelled").body, "task cancelled; task cancelled; 8; 8, 2 runs")
  t.equal(lab:stop(), 0)
end)

-- A time slice of one that begins may end at any place.
t.test("a file runs once, however many begin at the same time", function()
  local lab = start()
  t.equal(lab:get("/crowd", "--max-time", "60").body, "300 loaded, 20 runs")
  t.equal(lab:stop(), 0)
end)

t.test("tasks whose files include one another don't wait for ever", function()
  local lab = start()
  local body = lab:get("/ring", "--max-time", "60").body
  for text in body:gmatch("[^;]+") do t.has(text, "includes itself", body) end
  t.equal(lab:stop(), 0)
end)

t.test("where nothing can wait for another task, that is an error", function()
  local lab = start()
  t.has(lab:get("/sort").body, "another task runs 'sorted', and it can't be awaited here")
  t.equal(lab:stop(), 0)
end)

t.finish()
