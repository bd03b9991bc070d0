-- SPDX-License-Identifier: MIT
-- Tasks: what they cost, what they can do, and that they end with their step.
local t = require "harness"
t.need("curl")

local scenarios = { t.source .. "/tests/integration/scenarios" }

t.test("100,000 parked tasks are cheap, and gone with their step", function()
  local lab = t.start_with(scenarios, "--step", "63")
  lab:get("/order") -- everything that is made on first use
  local vars, rss = lab:vars(), lab:rss()
  local before = vars("HeapAlloc")
  t.equal(lab:get("/", "--max-time", "60").status, 200)
  local each = (lab:vars()("HeapAlloc") - before) / 100000
  t.between(each, 300, 1500, "heap bytes per parked task")
  if vars("HeapSys") > vars("HeapInuse") then -- not with libc's heap
    t.between((lab:rss() - rss) / 100000, 300, 1500, "resident bytes per parked task")
  end
  lab:in_time(0.3, "/debug", function() return lab:get("/debug/pprof/cmdline") end, 3)
  t.equal(lab:go_to(60).status, 200)
  t.eventually(function() return lab:vars()("HeapAlloc") < before + 2e6 end)
  lab:wait_log("100000 tasks were left behind and cancelled")
  t.equal(lab:stop(), 0)
end)

-- The next step may have less memory than what is left behind. It has so much
-- more until that is gone, and its own limit then.
local function check_leaving_crowd(n)
  local dir = t.temp_dir()
  t.run("mkdir " .. dir .. "/7-small")
  t.write(dir .. "/7-small/scenario.lua", [=[
    return { limits = { memory = 33554432 }, enter = function() assert(#("x"):rep(1000000) == 1000000) end,
      request = function() return ("x"):rep(40000000) end }]=])
  local lab = t.start_with({ scenarios[1], dir }, "--step", "63", "--param", "63.tasks=" .. n)
  for _ = 1, 2 do
    t.equal(lab:get("/", "--max-time", "60").status, 200)
    local answer = lab:in_time(1, "/goto", function() return lab:go_to(7) end)
    t.equal(answer.body, "switched to step 7")
    t.has(lab:get("/status").body, '"memory_bytes": 33554432')
    t.eventually(function() return lab:get("/status").body:find('"tasks": {"total": 0,', 1, true) end)
    t.eventually(function() return lab:get("/").status == 500 end)
    t.match(lab:details(lab:get("/")), "not enough memory: the step has 32 MiB")
    t.between(lab:vars()("HeapAlloc"), 0, 20e6)
    lab:go_to(63)
  end
  t.equal(lab:stop(), 0)
  t.equal(select(2, lab:log():gsub(n .. " tasks were left behind and cancelled", "")), 2)
end

t.test("a switch doesn't wait for a crowd", function() check_leaving_crowd(30000) end)
t.long("a switch doesn't wait for a large crowd", function()
  check_leaving_crowd(t.is_sanitized() and 60000 or 300000)
end)

t.test("join, cancel, order, slices", function()
  local lab = t.start_with(scenarios, "--step", "63")
  t.equal(lab:get("/join").body, "true a b false no luck nil timeout false task cancelled")
  for _ = 1, 3 do t.equal(lab:get("/again").body, "5050") end
  t.equal(lab:get("/order").body, "123")
  t.between(tonumber(lab:get("/slices").body), 0.3, 1, "two tasks share the CPU")
  t.equal(lab:stop(), 0)
end)

local function start_scenario(files)
  local dir = t.temp_dir()
  t.run("mkdir " .. dir .. "/900-tasks")
  for name, text in pairs(files) do t.write(("%s/900-tasks/%s.lua"):format(dir, name), text) end
  return t.start_with({ dir }, "--step", "900")
end

-- More jobs than there are workers, on a disk that doesn't answer.
local QUEUE = [[return { request = function()
  local folder = assert(lab.temp_dir { latency = 60 })
  local file = assert(lab.temp_file(folder))
  local tasks, begun = {}, 0
  for i = 1, 200 do
    tasks[i] = lab.go(function()
      begun = begun + 1
      file:sync()
    end)
  end
  repeat lab.sleep(0) until begun == 200
  local last = tasks[200]
  last:cancel()
  local ok, message = last:join(50)
  local other = tasks[199]:join(0)
  return ("%s %s, %s"):format(ok, message:match("task cancelled") or message, other)
end }]]

t.test("a task whose job waits for a worker can be cancelled", function()
  local lab = start_scenario { scenario = QUEUE }
  t.equal(lab:get("/").body, "false task cancelled, nil")
  t.equal(lab:leave().status, 200)
  t.eventually(function() return lab:get("/status").body:find('"waiting": {}', 1, true) end)
  t.equal(lab:stop(), 0)
end)

local ITSELF = [[local waits = function() lab.sleep(600) end
return {
  request = function()
    local me
    local went_on = false
    me = lab.go(function()
      me:cancel()
      went_on = true
      return 7
    end)
    local ok, message = me:join()
    return ("%s %s %s"):format(ok, message:match("task cancelled"), went_on)
  end,
  routes = {
    ["/caught"] = function() -- it ends all the same
      local me, caught
      me = lab.go(function()
        caught = pcall(me.cancel, me)
        while true do lab.cpu_time() end -- ThreadSanitizer lets signals in where it is a system call
      end)
      return tostring(me:join())
    end,
    ["/log"] = function() -- a log's format calls it
      local me
      local cancels = setmetatable({}, { __tostring = function() me:cancel() return "x" end })
      me = lab.go(function() lab.log("%s", cancels) end)
      return select(2, me:join()):match("^[^\n]*")
    end,
    ["/look"] = function()
      local t, seen = lab.go(waits), ""
      table.sort({ 2, 1 }, function(a, b)
        local ok, why = t:join(0)
        seen = ("%s %s"):format(ok, why)
        return a < b
      end)
      local parks = select(2, pcall(table.sort, { 2, 1 }, function() t:join(0.1) end))
      return ("%s, %s"):format(seen, parks:match("can't join here"))
    end,
    ["/full_log"] = function()
      local text = ("x"):rep(20 << 20)
      lab.log("%s%s", text, text)
    end,
  },
  limits = { memory = "64MiB" },
}]]

t.test("a task that cancels itself has no next instruction", function()
  local lab = start_scenario { scenario = ITSELF }
  t.equal(lab:get("/").body, "false task cancelled false")
  t.equal(lab:get("/caught").body, "false")
  t.match(lab:get("/log").body, "scenario.lua:%d+: task cancelled$")
  t.equal(lab:stop(), 0)
end)

t.test("where nothing can park, a task can be looked at", function()
  local lab = start_scenario { scenario = ITSELF }
  t.equal(lab:get("/look").body, "nil timeout, can't join here")
  t.equal(lab:stop(), 0)
end)

t.test("a line of the log that is too large is told with its place and the limit", function()
  local lab = start_scenario { scenario = ITSELF }
  t.match(lab:details(lab:get("/full_log")), "scenario.lua:%d+: not enough memory: the step has 64 MiB")
  t.equal(lab:stop(), 0)
end)

t.test("tasks that ended leave nothing, the first time and later", function()
  local lab = t.start_with(scenarios, "--step", "63")
  lab:get("/order") -- everything that is made on first use
  local before = lab:vars()("HeapAlloc")
  for _ = 1, 3 do
    t.equal(lab:get("/ended").body, "done")
    t.between((lab:vars()("HeapAlloc") - before) / 20000, -100, 100, "bytes that are left of a task")
  end
  t.equal(lab:stop(), 0)
end)

t.test("a task that there is no memory for is an error of who starts it", function()
  local lab = t.start_with(scenarios, "--step", "71")
  t.match(lab:get("/many_arguments").body, "^refused %d+ times$")
  t.equal(lab:get("/").status, 200)
  t.equal(lab:stop(), 0)
end)

t.test("stacks are those of the functions that wait now", function()
  local lab = t.start_with(scenarios, "--step", "63")
  t.equal(lab:get("/generations?n=150").body, "done")
  local text = lab:get("/debug/pprof/block?debug=1").body
  for i = 1, 150 do
    t.has(text, ("\tgen%d:1+0x%x\t"):format(i, i))
  end
  t.equal(lab:stop(), 0)
end)

-- The request ends some turns of all tasks after `leave`. One of these moments is
-- when the tasks that were there have been cancelled, but the switch hasn't looked
-- again.
local LATE = [[
local left = false
return {
  params = { turns = { 0, "when the request ends" } },
  enter = function() lab.go(lab.sleep, 600) end,
  request = function(self)
    while not left do lab.sleep(0) end
    for _ = 1, self.params.turns do lab.sleep(0) end
    for _ = 1, 100 do lab.go(lab.sleep, 600) end
  end,
  leave = function() left = true end,
}]]

t.test("tasks that a request starts while its step is left are cancelled, too", function()
  local dir = t.temp_dir()
  t.run("mkdir " .. dir .. "/900-late")
  t.write(dir .. "/900-late/scenario.lua", LATE)
  local lab = t.start_with { dir }
  for turns = 0, 5 do
    t.equal(lab:go_to("900&turns=" .. turns).status, 200)
    local request = t.spawn("curl -s " .. lab.url .. "/")
    t.eventually(function() return lab:get("/status").body:find('"in_flight": 1', 1, true) end)
    t.equal(lab:leave().status, 200)
    t.check(request:wait(), "the request ends")
    local none = pcall(t.eventually, function()
      return lab:get("/status").body:find('"tasks": {"total": 0,', 1, true)
    end)
    t.check(none, ("%d turns later: tasks are left"):format(turns))
  end
  t.equal(lab:stop(), 0)
end)

-- Each allocation at the limit would collect all garbage, in vain.
t.test("a step whose tasks take all of its memory can be left", function()
  local dir = t.temp_dir()
  t.run("mkdir " .. dir .. "/900-bomb")
  t.write(dir .. "/900-bomb/scenario.lua", [[return { limits = { memory = "150MiB" },
    request = function() while true do lab.go(function() lab.sleep(600) end) end end }]])
  local lab = t.start_with { dir }
  for _ = 1, 4 do
    t.spawn("sh -c " .. t.quote("while curl -s -o /dev/null " .. lab.url .. "/; do :; done"))
  end
  -- A request of this step only ends when there is no memory left. The log tells
  -- of equal failures once, so the requests are counted.
  local function count_requests() return select(2, lab:log():gsub("Request processed", "")) end
  for _ = 1, 2 do
    t.eventually(function() return lab:go_to(900).status == 200 end) -- as below: try again
    local before = count_requests()
    t.eventually(function() return count_requests() >= before + 4 end)
    t.check(t.is_sanitized() or lab:rss() < 1e9, "what the step before left doesn't lift the limit")
    t.has(lab:log(), "not enough memory: the step has 150 MiB (limits.memory)")
    -- On a busy machine one collection of so many tasks takes longer than /goto
    -- waits; it says so, and to try again, or that step 0 follows.
    t.eventually(function()
      local answer = lab:leave()
      local told = answer.body:find("try again", 1, true) or answer.body:find("follows when that ends", 1, true)
      if answer.status ~= 503 or not told then t.equal(answer.status, 200, answer.body) end
      return answer.status == 200
    end)
    t.eventually(function() return lab:get("/status").body:find('"waiting": {}', 1, true) end)
  end
  t.equal(lab:stop(), 0)
end)

t.finish()
