-- SPDX-License-Identifier: MIT
-- A step that takes long to enter, and a log that would be flooded: who waits
-- must be told what goes on.
local t = require "harness"
local attacks = require "attacks"
t.need("curl")
t.with_stuck()

local function start(name, text)
  local dir = t.temp_dir()
  t.run("mkdir -p " .. dir .. "/" .. name)
  t.write(dir .. "/" .. name .. "/scenario.lua", text)
  return t.start_with { dir, t.source .. "/scenarios" }
end

local function go_in_background(lab, step)
  return t.spawn(("curl -s --max-time 60 '%s/goto?step=%d'"):format(lab.url, step))
end

-- Until /status has the plain text: its whole body then.
local function wait_status(lab, text)
  return t.eventually(function()
    local body = lab:get("/status").body
    return body:find(text, 1, true) and body
  end)
end

t.test("enter that blocks: /status, / and the log say so; another /goto leads out", function()
  local lab = start("40-blocks", [[
local function prepare() lab.sleep(1000) end
return { request = function() end, enter = function() prepare() end }]])
  t.has(lab:get("/status").body, '"entering": null')
  local client = go_in_background(lab, 40)
  local status = wait_status(lab, '"state": "waiting (sleep)"')
  t.match(status, '"entering": {"step": 40, "slug": "blocks", "since": "[^"]+", "seconds": [%d.]+')
  t.match(status, "\"stack\": %[\"%[C%]: in [^\"]*'sleep'\", \"[^\"]+40%-blocks/scenario.lua:1: in [^\"]*'prepare'\"")
  t.has(status, '"step": 0')
  lab:wait_log("step 40: enter has not ended after ")
  t.match(lab:log(), "after %d+ s: it is waiting %(sleep%)\nstack traceback:\n[^\n]+'sleep'\n[^\n]+40%-blocks/scenario.lua:1: ")
  local answer = lab:get("/")
  t.equal(answer.status, 503)
  t.match(answer.body, "^step 40 is being entered, for %d+ s now; /status says where it is\n$")
  t.equal(lab:go_to(1).body, "switched to step 1")
  t.equal(client:wait(), 0)
  t.equal(client:out(), "a later switch took its place\n")
  t.has(lab:get("/status").body, '"entering": null')
  t.equal(lab:go_to(0).status, 200)
  t.equal(lab:get("/").body, "hello world")
  t.equal(lab:stop(), 0)
end)

-- Those have ten milliseconds each before it is its turn.
t.test("enter that waits behind hundreds of tasks that compute", function()
  local lab = start("41-crowd", [[
return { request = function() end, enter = function()
  for _ = 1, 500 do lab.go(function() while true do end end) end
  lab.sleep(600)
end }]])
  local client = go_in_background(lab, 41)
  lab:wait_entering(41)
  t.eventually(function() return attacks.take_census(lab).tasks >= 500 end)
  t.equal(lab:go_to(0).status, 200)
  t.equal(client:wait(), 0)
  t.equal(lab:stop(), 0)
end)

t.test("enter that loops, and is left by a switch that fails; not by a step that isn't there", function()
  local lab = start("41-loops", "return { request = function() end, enter = function()\n  while true do end\nend }")
  local client, body
  -- Where others keep the VM's thread from a processor for 50 ms, it can't be told
  -- what the step is; then it counts as any other.
  for _ = 1, 5 do
    client = go_in_background(lab, 41)
    local status = wait_status(lab, '"state": "running"')
    t.match(status, '"stack": %["[^"]+41%-loops/scenario.lua:%d: in ')
    t.eventually(function() return lab:get("/").status == 503 end)
    t.equal(lab:go_to(9999).status, 400)
    body = lab:get("/status").body
    if body:find('"entering": {"step": 41', 1, true) then break end
    client:wait()
  end
  t.has(body, '"entering": {"step": 41')
  t.equal(lab:go_to("4&nonsense=1").status, 400)
  t.equal(client:wait(), 0)
  t.equal(lab:get("/").body, "hello world")
  t.has(lab:get("/status").body, '"entering": null')
  t.equal(lab:stop(), 0)
end)

t.test("a scenario.lua that loops: the step before goes on, and the log says so", function()
  local lab = start("42-reads", "while true do end\nreturn { request = function() end }")
  local client = go_in_background(lab, 42)
  lab:wait_log("step 42: scenario.lua has not ended after ")
  t.match(lab:log(), "it is running\nstack traceback:\n[^\n]+42%-reads/scenario.lua:1: ")
  t.has(lab:get("/status").body, '"entering": {"step": 42')
  t.equal(lab:get("/").body, "hello world")
  t.equal(lab:go_to(0).body, "switched to step 0")
  t.equal(client:wait(), 0)
  t.equal(lab:stop(), 0)
end)

-- A switch that has not left the present step yet interrupts what runs, but not what
-- it waits for itself.
t.test("a task that scenario.lua has started when it is read computes to its end", function()
  local lab = start("45-prepares", [[
local prices
local function computePrices()
  local stop = lab.cpu_time() + 0.3
  while lab.cpu_time() < stop do end
  prices = "done"
end
lab.go(computePrices)
while not prices do lab.sleep(0.001) end
return { request = function() return prices end }]])
  t.equal(lab:go_to(45).body, "switched to step 45")
  t.equal(lab:get("/").body, "done")
  t.equal(lab:stop(), 0)
end)

-- Step 47 is served, and computes; step 48's file takes its time. What has come of the
-- request when SWITCH has been called.
local function is_served_meanwhile(switch)
  local dir = t.temp_dir()
  t.run(("mkdir -p %s/47-computes %s/48-reads"):format(dir, dir))
  t.write(dir .. "/47-computes/scenario.lua", [[
local function compute(seconds)
  local stop = lab.now() + seconds
  while lab.now() < stop do end
  return "computed"
end
return { request = function() lab.log("computes") return compute(1) end }]])
  t.write(dir .. "/48-reads/scenario.lua", [[
local stop = lab.now() + 0.3
while lab.now() < stop do end
return { request = function() end }]])
  local lab = t.start_with({ dir, t.source .. "/scenarios" }, "--step", "47")
  local request = t.spawn("curl -s --max-time 60 " .. lab.url .. "/")
  lab:wait_log("computes")
  switch(lab)
  t.equal(request:wait(), 0)
  t.equal(request:out(), "computed")
  t.equal(lab:stop(), 0)
end

t.test("a switch that changes nothing ends no request", function()
  is_served_meanwhile(function(lab) t.equal(lab:get("/goto?step=48&nope=1").status, 400) end)
end)

t.test("nor do two of them", function()
  is_served_meanwhile(function(lab)
    local first = t.spawn(("curl -s --max-time 60 '%s/goto?step=48&nope=1'"):format(lab.url))
    lab:wait_entering(48)
    t.equal(lab:go_to(9999).status, 400)
    t.equal(first:wait(), 0)
  end)
end)

t.test("nor where the step sleeps in the kernel meanwhile", function()
  local lab = t.start("--step", "36", "--param", "36.latency=0.2")
  local request = t.spawn(("curl -s -o /dev/null -w '%%{http_code}' --max-time 60 %s/"):format(lab.url))
  lab:wait_log("Starting processing request")
  t.equal(lab:go_to(9999).status, 400)
  t.equal(request:wait(), 0)
  t.equal(request:out(), "200")
  t.equal(lab:stop(), 0)
end)

t.test("one that never ends: a later switch leads out", function()
  local lab = start("46-never", [[
lab.go(function() table.sort({ 2, 1 }, function() while true do end end) end)
while true do lab.sleep(0.001) end]])
  local client = go_in_background(lab, 46)
  lab:wait_entering(46)
  t.equal(lab:in_time(1, "/goto", function() return lab:go_to(1) end).body, "switched to step 1")
  t.equal(client:wait(), 0)
  t.equal(lab:stop(), 0)
end)

t.test("enter in C code: /status names the function", function()
  local lab = start("43-pattern", [[
return { request = function() end, enter = function()
  return ("x"):find("stuck 3600", 1, true)
end }]])
  go_in_background(lab, 43)
  t.match(wait_status(lab, "which can't be interrupted"), '"state": "in [^"]+, which can\'t be interrupted", "stack": %[%]')
  lab:wait_log("step 43: enter has not ended after ")
  t.equal(lab:end_in(5), 0)
end)

t.test("tasks that fail alike are counted, others are told", function()
  local lab = start("44-fail", [[
return { request = function()
  for _ = 1, 20000 do lab.go(function() local x = nil; x.y = 1 end) end
  lab.go(function() error("another") end)
end }]])
  lab:go_to(44)
  lab:get("/")
  local written, told, sums
  t.eventually(function()
    local log = lab:log()
    written, told, sums = select(2, log:gsub("task %d+ failed: [^\n]+scenario.lua:2: attempt", "")), 0, 0
    for more in log:gmatch("(%d+) more like it: [^\n]+44%-fail/scenario.lua:2: attempt to index a nil value") do
      told, sums = told + tonumber(more), sums + 1
    end
    return written + told >= 20000
  end)
  t.equal(written + told, 20000, "failures that the log tells of")
  t.between(written, 10, 10 * (sums + 1), "written as they are") -- again after each second without any
  lab:wait_log(": another\n")
  t.equal(select(2, lab:log():gsub("failed: [^\n]+: another\nstack traceback", "")), 1, "the other one")
  t.check(#lab:log() < 50000, "the log is short")
  t.equal(lab:stop(), 0)
end)

t.finish()
