-- SPDX-License-Identifier: MIT
-- In a trace every user task and every region ends where it ends: by a return,
-- an error that nobody catches, a cancellation, or because the step is left.
local t = require "harness"
t.need("curl", "go")

local scenarios = { t.source .. "/tests/integration/scenarios" }
local NAMES = { "returns", "fails", "nested", "cancelled", "busy", "waiting", "caught", "memory", "deep" }

-- Takes a trace while all the ways are gone; returns its file.
local function take_in(seconds, query)
  local lab = t.start_with(scenarios, "--step", "85")
  local file, asked = t.temp_dir() .. "/trace", t.now()
  local curl = t.spawn(("curl -sSN -o %s '%s/debug/pprof/trace?seconds=%d%s'"):format(file, lab.url, seconds, query))
  t.eventually(function() return #(t.read(file) or "") > 0 end)
  t.equal(lab:get("/ends").status, 200)
  t.equal(lab:get("/fails").status, 500)
  t.equal(lab:get("/left").status, 200)
  t.equal(lab:leave().status, 200)
  t.equal(lab:get("/").status, 200)
  local whole = t.now() < asked + seconds -- that it has lasted: its client may end later
  t.equal(curl:wait(), 0)
  t.equal(lab:stop(), 0)
  return file, whole
end

local function take(query)
  return (t.enough(function(seconds) return take_in(seconds, query) end, function(_, whole) return whole end, 3))
end

-- Each mark as { name =, from =, to = }; `to` is nil if it has no end.
local function check(tasks, regions)
  local over, seen = {}, {}
  for _, region in ipairs(regions) do
    local name = region.name:match("^(.*) is over$")
    if name then over[name] = region.from end
  end
  for kind, marks in pairs { task = tasks, region = regions } do
    for _, mark in ipairs(marks) do
      seen[kind .. mark.name] = true
      t.check(mark.to, ("%s %s has no end"):format(kind, mark.name))
      local limit = over[mark.name]
      t.check(not limit or mark.to <= limit, ("%s %s lasts longer than it did"):format(kind, mark.name))
    end
  end
  for _, name in ipairs(NAMES) do
    t.check(over[name], name .. " is over: missing")
    t.check(seen["task" .. name] and seen["region" .. name], name .. " is missing")
  end
  for name in ("taskinner regionouter taskrequest regionrequest_fails taskleft regionleft_too"):gmatch("%S+") do
    t.check(seen[(name:gsub("_", " "))], name .. " is missing")
  end
end

t.test("in Go's format", function()
  local file = take("")
  local dump = t.run(("lua5.4 %s/tests/integration/trace_dump.lua %s"):format(t.quote(t.source), file)).out
  local tasks, regions, by_id, open = {}, {}, {}, {}
  for line in dump:gmatch("[^\n]+") do
    local ts, kind, g, rest = line:match("^(%d+) (%a+) p=%-?%d+ g=(%d+) off=%d+(.*)$")
    ts = tonumber(ts)
    if kind == "UserTaskCreate" then
      local id = rest:match("taskid=(%d+)")
      by_id[id] = { name = rest:match("name=(.*)$"), from = ts }
      tasks[#tasks + 1] = by_id[id]
    elseif kind == "UserTaskEnd" then
      by_id[rest:match("taskid=(%d+)")].to = ts
    elseif kind == "UserRegion" then
      local of = open[g] or {}
      open[g] = of
      if rest:match("mode=(%d)") == "0" then
        local region = { name = rest:match("name=(.*)$"), from = ts }
        of[#of + 1] = region
        regions[#regions + 1] = region
      else
        local region = table.remove(of)
        t.equal(rest:match("name=(.*)$"), region.name, "regions are nested")
        region.to = ts
      end
    elseif kind == "GoEnd" then -- readers close what is open there: that of a request's own
      for _, region in ipairs(open[g] or {}) do
        t.equal(region.name, "request", "left open at the goroutine's end")
        region.to = ts
      end
    end
  end
  check(tasks, regions)
end)

t.test("as JSON", function()
  local text = t.read(take("&format=json"))
  local tasks, regions, open = {}, {}, {}
  local last = 0
  for line in text:gmatch("[^\n]+") do last = math.max(last, tonumber(line:match('"ts":([%d.]+)')) or 0) end
  for line in text:gmatch("[^\n]+") do
    local ph, pid, tid = line:match('"ph":"(%a)","pid":(%d+),"tid":(%d+)')
    local ts, name = tonumber(line:match('"ts":([%d.]+)')), line:match('"name":"([^"]*)"')
    if ph == "X" and pid == "2" then
      local to = ts + tonumber(line:match('"dur":([%d.]+)'))
      -- What had no end would end with the trace.
      tasks[#tasks + 1] = { name = name, from = ts, to = to < last and to or nil }
    elseif ph == "B" then
      open[tid] = open[tid] or {}
      table.insert(open[tid], { name = name, from = ts })
      table.insert(regions, open[tid][#open[tid]])
    elseif ph == "E" then
      table.remove(open[tid]).to = ts < last and ts or nil
    end
  end
  check(tasks, regions)
end)

t.finish()
