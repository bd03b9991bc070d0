-- SPDX-License-Identifier: MIT
-- needs: processor
-- A deep stack keeps 128 frames or more with its leaf and its root, and one
-- frame that says how many are left out: in every kind of profile and dump.
local t = require "harness"
local pprof = require "pprof"
local trace = require "trace"
t.need("go", "curl")

local scenarios = t.source .. "/tests/integration/scenarios"
local LEFT_OUT = "^%[%.%.%. (%d+) frames left out %.%.%.%]$"

local function start() return t.start_with({ scenarios }, "--step", "89") end

local function fetch(lab, path)
  local file = t.temp_dir() .. "/profile"
  local answer = lab:get(path)
  t.equal(answer.status, 200)
  t.write(file, answer.body)
  return file
end

-- The same, of a second and more, while requests for PAGE come again and again: one
-- in which is_enough(FILE). A busy machine may give the lab few samples, or none.
local function fetch_beside(lab, path, page, is_enough)
  local load = lab:keep_asking(page)
  lab:wait_log("Starting processing")
  local file = t.enough(function(seconds) return fetch(lab, path .. seconds) end, is_enough)
  load:signal("KILL")
  return file
end

local function has(names, wanted)
  for _, name in ipairs(names) do
    if name == wanted then return true end
  end
end

-- Whether FILE has N samples or more with the function NAME.
local function has_samples(file, name, n)
  local found = 0
  for _, sample in ipairs(t.pprof.raw(file).samples) do
    if has(pprof.names(sample), name) then found = found + sample.values[1] end
  end
  return found >= n
end

-- Every stack with LEAF has 128 frames or more, one that counts those left out
-- (DEPTH are there in all), and ROOT at its end. Returns how many there are.
local function check_raw(file, leaf, root, depth)
  local raw, found = t.pprof.raw(file), 0
  for _, sample in ipairs(raw.samples) do
    local names = pprof.names(sample)
    if has(names, leaf) then
      found = found + 1
      local left_out, marks = 0, 0
      for _, name in ipairs(names) do
        local n = name:match(LEFT_OUT)
        if n then left_out, marks = left_out + tonumber(n), marks + 1 end
      end
      t.equal(marks, 1, "frames that say what is left out")
      t.check(#names - marks >= 128, #names .. " names")
      t.equal(names[#names], root, "the root")
      t.between(left_out + #names - marks, depth, depth + 3, "calls in all")
    end
  end
  t.check(found > 0, leaf .. " is in the profile")
  return found
end

local ROOT = "main.helloWorldHandler"

t.test("the CPU profile, by pprof's reports", function()
  local lab = start()
  -- Without those of the control thread, which answers.
  local top
  local file = fetch_beside(lab, "/debug/pprof/profile?hz=500&seconds=", "/", function(file)
    top = t.pprof.top(file, "-ignore=^uv_run$", "-relative_percentages")
    return has_samples(file, "deep.spin", 100)
  end)
  check_raw(file, "deep.spin", ROOT, 1004)
  for _, name in ipairs { ROOT, "main.doSomeBusinessLogic", "deep.down" } do
    t.between(top[name].cum / top.total, 0.98, 1, name)
  end
  t.has(t.pprof.run(file, "-traces"), "frames left out ...]")
  t.has(t.pprof.run(file, "-peek", "^deep.request$"), "main.doSomeBusinessLogic")
  t.equal(lab:stop(), 0)
end)

t.test("stacks that fit are whole", function()
  local lab = start()
  local file = fetch_beside(lab, "/debug/pprof/profile?seconds=", "/shallow", function(file)
    return has_samples(file, "deep.spin", 5)
  end)
  local raw = t.pprof.raw(file)
  for _, sample in ipairs(raw.samples) do
    local names = pprof.names(sample)
    if has(names, "deep.spin") then t.equal(#names, 23) end
  end
  t.equal(t.pprof.run(file, "-traces"):find("left out"), nil)
  t.equal(lab:stop(), 0)
end)

t.test("the wall profile", function()
  local lab = start()
  local file = fetch_beside(lab, "/debug/pprof/wall?seconds=", "/", function(file)
    return has_samples(file, "deep.spin", 1) and has_samples(file, "deep.wait", 1)
  end)
  check_raw(file, "deep.spin", ROOT, 1004)
  check_raw(file, "deep.wait", "deep.parked", 1003)
  t.equal(lab:stop(), 0)
end)

t.test("the goroutine profile and its texts", function()
  local lab = start()
  t.equal(check_raw(fetch(lab, "/debug/pprof/goroutine"), "deep.wait", "deep.parked", 1003), 1)
  local text = lab:get("/debug/pprof/goroutine?debug=1").body
  t.match(text, "\n#\t0x%x+\t%[%.%.%. 875 frames left out %.%.%.%]%+0x0\t")
  t.has(text, "deep.parked+")
  local dump = lab:get("/debug/pprof/goroutine?debug=2").body
  t.has(dump, "\n...875 frames elided...\ndeep.down(...)\n") -- as in Go's dumps
  t.has(dump, "\ndeep.parked(...)\n")
  local _, calls = dump:gsub("\ndeep.down%(", "")
  t.equal(calls, 1000 - 875)
  t.equal(lab:stop(), 0)
end)

t.test("heap, block and mutex profiles", function()
  local lab = start()
  for _ = 1, 3 do t.equal(lab:get("/memory").status, 200) end
  t.equal(lab:get("/locks").status, 200)
  check_raw(fetch(lab, "/debug/pprof/heap"), "deep.allocate", "main.routeHandler", 1004)
  check_raw(fetch(lab, "/debug/pprof/allocs"), "deep.allocate", "main.routeHandler", 1004)
  check_raw(fetch(lab, "/debug/pprof/block"), "deep.lock", "deep.locks", 1003)
  check_raw(fetch(lab, "/debug/pprof/mutex"), "deep.lock", "deep.locks", 1003)
  for _, kind in ipairs { "heap", "block", "mutex" } do
    t.match(lab:get("/debug/pprof/" .. kind .. "?debug=1").body, "%[%.%.%. %d+ frames left out %.%.%.%]")
  end
  t.equal(lab:stop(), 0)
end)

-- What the handbook says of memory that isn't in the profile.
local TASKS, LEVELS = 10, 100000
local PARKED = ([[
local function fall(n, gate)
  if n == 0 then gate:recv() return 0 end
  return 1 + fall(n - 1, gate)
end
return { title = "parked", request = function()
  local gate = lab.channel()
  for _ = 1, %d do lab.go(fall, %d, gate) end
  return "ok"
end }]]):format(TASKS, LEVELS)

t.test("stacks of tasks are in HeapAlloc, and nobody's in a heap profile", function()
  local dir = t.temp_dir()
  t.run("mkdir " .. dir .. "/1-parked")
  t.write(dir .. "/1-parked/scenario.lua", PARKED)
  local lab = t.start_with({ dir }, "--step", "1")
  local function heap_alloc()
    return math.tointeger(t.match(lab:get("/debug/pprof/heap?gc=1&debug=1").body, "\n# HeapAlloc = (%d+)"))
  end
  local before = heap_alloc()
  t.equal(lab:get("/").body, "ok")
  t.eventually(function() -- all are at one place
    local dump = lab:get("/debug/pprof/goroutine?debug=2").body
    return select(2, dump:gsub("%[chan receive%]", "")) == TASKS
  end)
  local stacks = TASKS * LEVELS * 100
  t.between(heap_alloc() - before, stacks, 1.5 * stacks, "bytes of stacks")
  for _, since in ipairs { "step", "start" } do
    local held = 0
    for _, sample in ipairs(pprof.raw(fetch(lab, "/debug/pprof/heap?since=" .. since)).samples) do
      held = held + sample.values[4]
    end
    t.between(held, 0, stacks / 50, "bytes in the profile since=" .. since)
  end
  t.match(lab:get("/debug/pprof/goroutine?debug=2").body, "\n%.%.%.99%d%d%d frames elided%.%.%.\n")
  t.equal(lab:stop(), 0)
end)

t.test("traces", function()
  local lab = start()
  local of
  local file = fetch_beside(lab, "/debug/pprof/trace?seconds=", "/locks", function(file)
    of = trace.profile(file, "sync")
    return of("deep.lock") > 0
  end)
  t.near(of("deep.locks"), of("deep.lock"), 0.01, "the root has what the leaf has")
  local traces = t.pprof.run(file .. ".sync", "-traces")
  t.has(traces, "[... 876 frames left out ...]") -- the mark takes the place of one
  t.equal(lab:stop(), 0)
end)

-- A task for each depth, with so many calls in all.
local DEPTHS = { 127, 128, 129, 130, 255, 256, 257, 1000 }
local NAPS = [[
local function nap()
  for _ = 1, 1000 do lab.sleep(0.02) end
end
local function down(n)
  if n == 0 then nap() else down(n - 1) end
  return n
end
return { request = function(_, req)
  local n = tonumber(req.query.calls) - 4
  lab.go(function()
    down(n)
    return n
  end)
end }]]

-- FRAMES, leaf first -> how many calls they stand for, and how many lines there are.
local function count_calls(frames)
  local calls = 0
  for _, name in ipairs(frames) do calls = calls + (tonumber(name:match(LEFT_OUT)) or 1) end
  return calls, #frames
end

t.test("just above and below the limits no call is lost", function()
  local dir = t.temp_dir()
  t.run("mkdir " .. dir .. "/1-naps")
  t.write(dir .. "/1-naps/scenario.lua", NAPS)
  local lab = t.start_with({ dir }, "--step", "1")
  local wanted = table.concat(DEPTHS, " ")
  for _, depth in ipairs(DEPTHS) do t.equal(lab:get("/?calls=" .. depth).status, 200) end
  -- Returns the depths that LIST has, and checks what each kind promises.
  local function depths_of(list, least, most)
    local found, depths = {}, {}
    for _, frames in ipairs(list) do
      local calls, lines = count_calls(frames)
      t.equal(frames[#frames], "naps.request.func1", "the root")
      t.between(lines, math.min(calls, least), most, calls .. " calls: lines")
      found[calls] = true
    end
    for calls in pairs(found) do depths[#depths + 1] = calls end
    table.sort(depths)
    return table.concat(depths, " ")
  end
  local list = {}
  for _, sample in ipairs(pprof.raw(fetch(lab, "/debug/pprof/goroutine")).samples) do
    list[#list + 1] = pprof.names(sample)
  end
  t.equal(depths_of(list, 129, 256), wanted, "goroutine")
  t.enough(function(seconds)
    local text = lab:get("/debug/pprof/trace?format=json&seconds=" .. seconds).body
    list = {}
    for stack in text:gmatch('"(lab%.sleep:%d+ < [^"]*)"') do
      local frames = {}
      for name in (stack .. " < "):gmatch("(.-):%d+ < ") do frames[#frames + 1] = name end
      list[#list + 1] = frames
    end
    return #list
  end, function(n) return n >= 100 end)
  t.equal(depths_of(list, 128, 128), wanted, "trace")
  t.equal(lab:stop(), 0)
end)

t.finish()
