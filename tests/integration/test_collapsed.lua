-- SPDX-License-Identifier: MIT
-- debug=collapsed: every profile as lines of text that flame graph programs read. The
-- lines are those of the profile.proto of the same snapshot, which is kept.
local t = require "harness"
local pprof = require "pprof"
t.need("curl", "go")

-- Debian has this program in libdevel-nytprof-perl.
local FLAMEGRAPH = "/usr/share/perl5/Devel/NYTProf/flamegraph.pl"
local scenarios = { t.source .. "/tests/integration/scenarios", t.source .. "/scenarios" }
local PPROF = "/debug/pprof/"

-- -> stack -> value, the sum; raises if a line is none, or comes twice, and if one
-- with a call comes after one without: Perfetto looks for a `;` in the first three.
local function read(text)
  local stacks, sum, calls = {}, 0, true
  for line in text:gmatch("([^\n]*)\n") do
    local stack, value = line:match("^([^#{%c][^%c]*) (%d+)$")
    t.check(stack, "no line of a stack: " .. line)
    t.check(not stacks[stack], "twice: " .. line)
    t.check(calls or not stack:find(";", 1, true), "after one without a call: " .. line)
    calls = stack:find(";", 1, true) ~= nil
    stacks[stack] = math.tointeger(value)
    sum = sum + stacks[stack]
  end
  return stacks, sum
end

-- The same of a profile.proto.
local function fold(file, type, key)
  local raw, stacks, sum, place = pprof.raw(file), {}, 0, nil
  for i, name in ipairs(raw.types) do if name:match("^[^/]+") == type then place = i end end
  t.check(place, type .. " isn't in " .. table.concat(raw.types, " "))
  for _, sample in ipairs(raw.samples) do
    local value, names = sample.values[place], {}
    if value ~= 0 then
      if value < 0 then names[1], value = "[less]", -value end
      if key then
        local label = sample.labels[key]
        names[#names + 1] = label and ("%s=%s"):format(key, table.concat(label, ",")) or ("[no %s]"):format(key)
      end
      for i = #sample.stack, 1, -1 do
        local frames = sample.stack[i].frames
        for j = #frames, 1, -1 do names[#names + 1] = (frames[j].name:gsub(";", ":")) end
      end
      local stack = table.concat(names, ";")
      stacks[stack] = (stacks[stack] or 0) + value
      sum = sum + value
    end
  end
  return stacks, sum
end

-- The newest capture as a file.
local function newest_capture(lab)
  local id
  for n in lab:get("/lab/captures").body:gmatch(" (c%d+) ") do id = n end
  local file = t.temp_file()
  t.write(file, lab:get("/lab/captures?id=" .. id).body)
  return file, id
end

local function check_same(lab, path, type, key)
  local answer = lab:get(path, "--max-time", "60")
  t.equal(answer.status, 200, path .. ": " .. answer.body)
  t.equal(answer.headers["content-type"], "text/plain; charset=utf-8")
  local file, id = newest_capture(lab)
  local stacks, sum = read(answer.body)
  local wanted, total = fold(file, type, key)
  t.equal(sum, total, path .. ": the sum")
  for stack, value in pairs(wanted) do t.equal(stacks[stack], value, path .. ": " .. stack) end
  for stack in pairs(stacks) do t.check(wanted[stack], path .. ": " .. stack) end
  return answer.body, id, file
end

-- KIND's default type, as `go tool pprof` says it in its header.
local function check_default(file, type)
  t.equal(t.match(pprof.run(file, "-top"), "\nType: (%S+)"), type)
end

t.test("every kind: the stacks and the sums of the profile", function()
  local lab = t.start_with(scenarios, "--step", "5", "--memprofile-rate", "1", "--blockprofile-rate", "1")
  t.run(("curl -sS --max-time 20 --parallel '%s/?[1-6]'"):format(lab.url))
  local defaults = {
    heap = "inuse_space", allocs = "alloc_space", goroutine = "goroutine", block = "delay", mutex = "delay",
    goroutineleak = "goroutineleak", threadcreate = "threadcreate", ["lab.OpenFiles"] = "lab.OpenFiles",
  }
  for kind, type in pairs(defaults) do
    local _, id, file = check_same(lab, PPROF .. kind .. "?debug=collapsed", type)
    check_default(file, type)
    local again = lab:get("/lab/captures?debug=folded&id=" .. id).body
    t.equal(again, lab:get("/lab/captures?debug=collapsed&id=" .. id).body)
    local _, sum = fold(file, type)
    t.equal(select(2, read(again)), sum, "a kept capture, as text")
  end
  check_same(lab, PPROF .. "heap?debug=folded&sample=inuse_objects", "inuse_objects")
  check_same(lab, PPROF .. "block?debug=folded&sample=contentions&label=route", "contentions", "route")
  local threads = lab:get(PPROF .. "threadcreate?debug=collapsed&label=thread").body
  for line in threads:gmatch("[^\n]+") do t.has(line, "[no thread];") end
  local whole = read(lab:get(PPROF .. "block?debug=folded&since=start").body)
  t.check(next(whole), "nothing since the start")
  t.equal(lab:stop(), 0)
end)

t.test("recorded ones, and differences", function()
  local lab = t.start_with(scenarios, "--step", "3", "--memprofile-rate", "1")
  local function busy(path)
    local load = t.spawn(("curl -s --max-time 20 '%s/?[1-9999]'"):format(lab.url))
    local text, _, file = check_same(lab, path[1], path[2], path[3])
    load:signal("TERM")
    load:wait()
    return text, file
  end
  local text, file = busy { PPROF .. "profile?seconds=1&debug=collapsed", "cpu" }
  t.has(text, "main.helloWorldHandler;main.doSomeBusinessLogic;")
  check_default(file, "cpu")
  text = busy { PPROF .. "profile?seconds=1&debug=collapsed&sample=samples&label=route", "samples", "route" }
  -- The Firefox Profiler makes a sample of its own for each unit.
  t.between(select(2, read(text)), 1, 1000, "samples of a second")
  local _
  _, file = busy { PPROF .. "wall?seconds=1&debug=collapsed&label=state", "time", "state" }
  check_default(file, "time")
  busy { PPROF .. "allocs?seconds=1&debug=collapsed", "alloc_space" }
  -- Less memory than before: no value is below 0.
  local less = t.spawn(("curl -sS '%s%sheap?seconds=1&debug=folded&since=start'"):format(lab.url, PPROF))
  t.equal(lab:go_to(3).status, 200)
  t.equal(less:wait(20), 0)
  read(less:out())
  t.equal(lab:stop(), 0)
end)

t.test("a long text is packed for who takes that", function()
  local lab = t.start_with(scenarios, "--step", "89", "--memprofile-rate", "1")
  t.equal(lab:get("/memory").status, 200)
  t.equal(lab:get(PPROF .. "allocs").status, 200)
  local _, id = newest_capture(lab)
  for _, path in ipairs { PPROF .. "allocs?debug=collapsed", "/lab/captures?debug=collapsed&id=" .. id } do
    local plain, packed = lab:get(path), lab:get(path, "-H", "Accept-Encoding: gzip")
    t.has(plain.headers["vary"] or "", "Accept-Encoding")
    t.equal(packed.headers["content-encoding"], "gzip", path)
    t.check(#packed.body < #plain.body / 2, ("%d of %d bytes"):format(#packed.body, #plain.body))
    t.equal(lab:get(path, "--compressed").body, plain.body)
  end
  t.equal(lab:stop(), 0)
end)

t.test("a step's own profile; what is wrong", function()
  local lab = t.start_with(scenarios, "--step", "41")
  t.equal(lab:get("/orders?n=3").status, 200)
  check_same(lab, PPROF .. "db.Connections?debug=collapsed", "db.Connections")
  local answer = lab:get(PPROF .. "heap?debug=collapsed&sample=x")
  t.equal(answer.status, 400)
  t.equal(answer.body, 'this profile has no "sample" of that name; there are: alloc_objects alloc_space ' ..
    "inuse_objects inuse_space\n")
  t.equal(lab:get(PPROF .. "heap?debug=collapsed&label=" .. ("x"):rep(500)).status, 400)
  t.equal(lab:get(PPROF .. "heap?debug=collapsed&sample=" .. ("x"):rep(500)).status, 400)
  t.equal(lab:get("/metrics").status, 200)
  local _, id = newest_capture(lab)
  t.equal(lab:get("/lab/captures?debug=collapsed&id=" .. id).status, 400)
  t.equal(lab:get("/lab/captures?debug=collapsed&id=c999").status, 404)
  t.equal(lab:get(PPROF .. "nothing?debug=collapsed").status, 404)
  t.equal(lab:stop(), 0)
end)

t.test("flamegraph.pl draws it", function()
  if not t.read(FLAMEGRAPH) then return print("  there is no flamegraph.pl") end
  local lab = t.start_with(scenarios, "--step", "3")
  t.equal(lab:get("/").status, 200)
  local text = lab:get(PPROF .. "allocs?debug=collapsed").body
  local drawn = t.run("perl " .. FLAMEGRAPH, text)
  t.equal(drawn.code, 0, drawn.err)
  t.equal(drawn.err, "")
  t.has(drawn.out, "<svg ")
  t.has(drawn.out, "archive.leakMemory (")
  t.equal(lab:stop(), 0)
end)

t.finish()
