-- SPDX-License-Identifier: MIT
-- Finalizers (__gc) are tasks: they can be interrupted, are seen as such, and
-- otherwise are as the manual of Lua says.
local t = require "harness"
local pprof = require "pprof"
t.need("go", "curl")

local function start(text, ...)
  local dir = t.temp_dir()
  t.run("mkdir -p " .. dir .. "/45-finalizers")
  t.write(dir .. "/45-finalizers/scenario.lua", text)
  return t.start_with({ dir, t.source .. "/scenarios" }, "--step", "45", ...)
end

local function leaves_at_once(lab)
  local answer = lab:in_time(1, "leaving", function() return lab:leave() end)
  t.equal(answer.status, 200, answer.body)
  t.equal(answer.body, "switched to step 0")
  t.equal(lab:get("/").body, "hello world")
  t.eventually(function() return lab:get("/debug/pprof/goroutine?debug=1").body:find("total 0", 1, true) end)
end

local endless = {
  { "endless", "{ __gc = function() while true do end end }" },
  { "endless, with pcall", "{ __gc = function() while true do pcall(function() while true do end end) end end }" },
  { "a callable __gc", "{ __gc = setmetatable({}, { __call = function() while true do end end }) }" },
  { "__gc = pcall", "{ __gc = pcall, __call = function() while true do end end }" },
  { "one that waits", "{ __gc = function() lab.sleep(3600) end }" },
  { "one that makes the next", [[(function()
      local mt = {}
      function mt.__gc() setmetatable({}, mt) end
      return mt
    end)()]] },
}

for _, case in ipairs(endless) do
  t.test(case[1] .. ": others are served meanwhile, and the step can be left", function()
    local lab = start(([[
local mt = %s
return {
  request = function() do setmetatable({}, mt) end lab.gc() lab.gc() return "made" end,
  routes = { ["/other"] = function() return "other" end },
}]]):format(case[2]))
    for _ = 1, 3 do t.equal(lab:get("/", "--max-time", "60").body, "made") end
    t.equal(lab:get("/other", "--max-time", "60").body, "other")
    leaves_at_once(lab)
    t.equal(lab:stop(), 0)
  end)
end

-- A crowd, all of them due only when the step is left; and their step left twice.
local crowd = {
  { "take 10 ms each", "{ __gc = function() local stop = lab.now() + 0.01 while lab.now() < stop do end end }", true },
  { "come back", [[(function()
      local mt = {}
      function mt.__gc(o) setmetatable(o, mt) back[#back + 1] = o end
      return mt
    end)()]] },
  { "make two others each", [[(function()
      local mt = {}
      function mt.__gc() for _ = 1, 2 do setmetatable({}, mt) end end
      return mt
    end)()]], true },
  { "start tasks that don't end", "{ __gc = function() lab.go(function() while true do end end) end }" },
}

for _, case in ipairs(crowd) do
  t.test("a hundred thousand that " .. case[1] .. ": the step can be left, and again", function()
    local lab = start(([[
local all, back = {}, {}
local mt = %s
for i = 1, 100000 do all[i] = setmetatable({}, mt) end
return { request = function() return tostring(#all) end }]]):format(case[2]))
    t.equal(lab:get("/").body, "100000")
    leaves_at_once(lab)
    if case[3] then lab:wait_log("finalizers took too long and were cancelled") end
    t.equal(lab:go_to(45).status, 200)
    t.equal(lab:get("/").body, "100000")
    leaves_at_once(lab)
    t.equal(lab:stop(), 0)
  end)
end

-- A chain: each finalizer makes the next object like it. { name, what scenario.lua
-- returns, the answer of the switch to it; what is logged before it is left }
local CHAIN = [[
local n = 0
local mt = {}
function mt.__gc() n = n + 1 lab.log("alive " .. n) setmetatable({}, mt) end
local function begin() do setmetatable({}, mt) end end
]]
local chains = {
  { "a request is under way", "{ request = function() lab.log('waits') lab.sleep(0.4) begin() end }", 200, "waits" },
  { "many tasks are there", [[{ enter = function() for _ = 1, 12000 do lab.go(lab.sleep, 60) end end,
    request = function() begin() end }]], 200, "alive 1\n" },
  { "it can't be entered", "{ enter = function() begin() error('no') end, request = function() end }", 500 },
  { "it can't be read", "begin()", 500 },
}

for _, case in ipairs(chains) do
  t.test("a chain of them doesn't go on in the next step: " .. case[1], function()
    local dir = t.temp_dir()
    t.run("mkdir -p " .. dir .. "/45-chain")
    t.write(dir .. "/45-chain/scenario.lua", CHAIN .. "return " .. case[2])
    local lab = t.start_with { dir, t.source .. "/scenarios" }
    t.equal(lab:go_to(45).status, case[3])
    if case[4] then
      local client = t.spawn("curl -s -o /dev/null " .. lab.url .. "/")
      t.eventually(function() return lab:get("/debug/pprof/heap?gc=1") and lab:log():find(case[4], 1, true) end)
      t.equal(lab:go_to(0).status, 200)
      t.equal(client:wait(), 0)
    end
    local function last()
      lab:get("/debug/pprof/heap?gc=1")
      t.sleep(0.05)
      local n = 0
      for number in lab:log():gmatch("alive (%d+)\n") do n = math.max(n, tonumber(number)) end
      return n
    end
    t.eventually(function()
      local before, same = last(), true
      for _ = 1, 5 do same = same and last() == before end
      return same
    end)
    t.equal(lab:stop(), 0)
  end)
end

t.test("one that leaving makes due is run, or cut off", function()
  local lab = start([[
local kept = {}
for i = 1, 3 do
  kept[i] = setmetatable({}, { __gc = function() lab.log("finalized " .. i) end })
end
kept[4] = setmetatable({}, { __gc = function() while true do end end })
for i = 5, 6 do
  kept[i] = setmetatable({}, { __gc = function() lab.log("finalized " .. i) end })
end
return { request = function() return #kept .. "" end }]])
  t.equal(lab:get("/").body, "6")
  leaves_at_once(lab)
  for i = 5, 6 do lab:wait_log("finalized " .. i) end
  lab:wait_log("finalizers took too long and were cancelled")
  t.equal(lab:stop(), 0)
end)

t.test("one that is cut off while a request goes on is told of, and no task is blamed", function()
  local lab = start([[
local rest = setmetatable({}, { __gc = function() while true do end end })
return { leave = function() return rest end, request = function() lab.log("waits") lab.sleep(0.4) end }]])
  local client = t.spawn("curl -s -o /dev/null " .. lab.url .. "/")
  lab:wait_log("waits")
  leaves_at_once(lab)
  t.equal(client:wait(), 0)
  lab:wait_log("finalizers took too long and were cancelled")
  t.check(not lab:log():find("left behind", 1, true), "a task is blamed")
  t.equal(lab:stop(), 0)
end)

t.test("order, resurrection, cycles, weak tables, errors", function()
  local lab = start([[
local log = {}
local function make(name, f)
  return setmetatable({ name = name }, { __gc = f or function(o) log[#log + 1] = o.name end })
end
local function collect() -- those that are due have run then, also if a slice has ended
  lab.gc()
  lab.sleep(0.01) lab.sleep(0) lab.sleep(0)
end
local function take() local all = table.concat(log, " ") log = {} return all end

local cases = {}
function cases.order()
  do for i = 1, 5 do make(i) end end
  collect()
  return take()
end
function cases.resurrected()
  local saved
  do make("r", function(o) log[#log + 1] = o.name saved = o end) end
  collect()
  local first = take() .. " " .. saved.name
  saved = nil
  collect() collect()
  return first .. " " .. #log
end
function cases.rearmed()
  do make("r", function(o) log[#log + 1] = "r" if #log < 3 then setmetatable(o, getmetatable(o)) end end) end
  for _ = 1, 5 do collect() end
  return take()
end
function cases.late()
  local mt = {}
  do setmetatable({}, mt) end
  mt.__gc = function() log[1] = "called" end
  collect()
  return take()
end
function cases.changed()
  local mt = { __gc = function() log[1] = "old" end }
  do setmetatable({}, mt) end
  mt.__gc = function() log[1] = "new" end
  collect()
  return take()
end
function cases.cycle()
  do
    local a, b = make("a", function(o) log[#log + 1] = "a" .. o.b.name end), make("b")
    a.b, b.a = b, a
  end
  collect()
  return take()
end
function cases.weak()
  local keys, values = setmetatable({}, { __mode = "k" }), setmetatable({}, { __mode = "v" })
  do
    local o = make("w", function(w) log[1] = tostring(keys[w]) .. " " .. tostring(values[1]) end)
    keys[o], values[1] = "key", o
  end
  collect()
  return take()
end
function cases.error()
  do make("e", function() error("no luck") end) make("f", function() error({}) end) make("after") end
  collect()
  return take()
end
function cases.nested()
  do make("outer", function() lab.gc() do make("inner") end lab.gc() log[#log + 1] = "outer" end) end
  collect() collect()
  return take()
end
function cases.waits()
  do make("w", function() lab.sleep(0.001) log[1] = "waited" end) end
  collect() lab.sleep(0.1)
  return take()
end
function cases.many()
  local n = 0
  local mt = { __gc = function() n = n + 1 end }
  for _ = 1, 20000 do setmetatable({}, mt) end
  collect()
  for _ = 1, 500 do if n < 20000 then lab.sleep(0.01) end end
  return n
end
local routes = {}
for name, case in pairs(cases) do routes["/" .. name] = function() return tostring(case()) end end
return { request = function() end, routes = routes }]])
  local want = {
    order = "5 4 3 2 1", resurrected = "r r 0", rearmed = "r r r", late = "", changed = "new",
    cycle = "b ab", weak = "key nil", error = "after", nested = "outer inner", waits = "waited", many = "20000",
  }
  for name, text in pairs(want) do t.equal(lab:get("/" .. name).body, text, name) end
  lab:wait_log("finalizer failed: (error object is a table value)")
  t.match(lab:log(), "finalizer failed: [^\n]*scenario.lua:%d+: no luck\nstack traceback:")
  leaves_at_once(lab)
  t.equal(lab:stop(), 0)
end)

t.test("none gets lost when the step's memory is used up", function()
  local lab = start([[
local n, made = 0, 0
local mt = { __gc = function() n = n + 1 end }
local list
return {
  limits = { memory = "20MB" },
  request = function()
    local ok, problem = pcall(function()
      list = {}
      while true do list[#list + 1] = setmetatable({}, mt) made = made + 1 end
    end)
    list = nil
    lab.gc()
    for _ = 1, 500 do if n < made then lab.sleep(0.01) end end
    return ("%s: %d lost of some: %s"):format(problem, made - n, made > 1000)
  end,
}]])
  -- the object that was being made when memory ran out was not counted, but is finalized
  t.match(lab:get("/").body, "^not enough memory: %-?[01] lost of some: true$")
  leaves_at_once(lab)
  t.equal(lab:stop(), 0)
end)

t.test("their time is their own, not that of the code that allocates", function()
  local lab = start([[
local function innocent(seconds)
  local stop, list = lab.now() + seconds, nil
  while lab.now() < stop do list = { list and 1 } end
  return list
end
local function finalize() for _ = 1, 3000 do end end
local mt = { __gc = finalize }
return {
  request = function()
    for _ = 1, 20 do
      for _ = 1, 200 do setmetatable({}, mt) end
      innocent(0.1)
    end
  end,
}]])
  local request
  local p = pprof.raw(lab:record("/debug/pprof/profile?hz=500&seconds=", 2, function()
    request = t.spawn(t.command { "curl", "-s", lab.url .. "/" })
    lab:work("vm", 0.2)
  end))
  local all, theirs, mixed = 0, 0, 0
  for _, sample in ipairs(p.samples) do
    local names = {}
    for _, location in ipairs(sample.stack) do
      for _, frame in ipairs(location.frames) do names[frame.name] = true end
    end
    local function has(part)
      for name in pairs(names) do if tostring(name):find(part, 1, true) then return true end end
      return false
    end
    local ns = sample.values[2]
    all = all + ns
    if has("[lua __gc finalizer]") then
      theirs = theirs + ns
      if has("innocent") or has("routeHandler") or has("helloWorldHandler") then mixed = mixed + ns end
    elseif has("finalizers.finalize") then
      mixed = mixed + ns
    end
  end
  t.check(theirs > 0, "no sample of a finalizer")
  t.equal(mixed, 0, "ns of finalizers under innocent functions")
  t.equal(request:wait(), 0)
  t.equal(lab:stop(), 0)
end)

t.test("the lab ends although finalizers don't", function()
  local lab = start([[
local kept = setmetatable({}, { __gc = function() while true do end end })
return { request = function() do setmetatable({}, getmetatable(kept)) end lab.gc() return "made" end }]])
  t.equal(lab:get("/", "--max-time", "60").body, "made")
  t.equal(lab:stop(5), 0)
end)

t.finish()
