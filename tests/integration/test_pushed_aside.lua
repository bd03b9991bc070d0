-- SPDX-License-Identifier: MIT
-- A later /goto doesn't wait for one that takes long: that one is cut short, at any
-- point. What it has taken is given back before the later one enters its step, which
-- has its own limits, and is told of nothing that others have.
local t = require "harness"
t.need("curl")
t.with_stuck()

-- { [number] = the text of its scenario.lua } -> a lab
local function start(steps)
  local dir = t.temp_dir()
  for number, text in pairs(steps) do
    local folder = ("%s/%d-step"):format(dir, number)
    t.run("mkdir " .. folder)
    t.write(folder .. "/scenario.lua", text)
  end
  return t.start_with { dir }
end

local function goto_later(lab, step) return t.spawn(("curl -s '%s/goto?step=%d'"):format(lab.url, step)) end

-- Pushes a switch to FIRST aside by one to SECOND, SECONDS later -> what that is
-- answered.
local function push_aside(lab, first, second, seconds)
  local late = goto_later(lab, first)
  t.sleep(seconds)
  local answer = lab:go_to(second)
  t.check(late:wait(), "the first one is answered")
  return answer, late:out()
end

local function await_no_tasks(lab)
  t.eventually(function() return lab:get("/status").body:find('"tasks": {"total": 0,', 1, true) end)
end

-- A request of `/` that is under way.
local function begin_request(lab)
  local request = t.spawn("curl -s " .. lab.url .. "/")
  t.eventually(function() return lab:get("/status").body:find('"in_flight": 1', 1, true) end)
  return request
end

local OK = 'return { request = function() return "ok" end }'
local CUT = "a later switch took its place\n"

t.test("a step is left once, whatever comes meanwhile", function()
  local lab = start {
    [1] = [[return { limits = { memory = "64MB" },
      enter = function() for _ = 1, 12000 do lab.go(lab.sleep, 3600) end end,
      leave = function() lab.log("left") end, request = function() end }]],
    [2] = "lab.sleep(0.046) lab.spin(0.007) error('broken')", -- so it is cut short while it leaves
    [3] = OK,
  }
  local times = 20
  for i = 1, times do
    t.equal(lab:go_to(1).status, 200)
    push_aside(lab, 2, 3, 0.01 + i % 10 * 0.0005)
    t.equal(lab:go_to(3).status, 200, "nobody is pushed aside by what was before")
    await_no_tasks(lab)
  end
  t.equal(select(2, lab:log():gsub(" left\n", "")), times, "each visit is left once")
  t.check(not lab:log():find("step 0: %d+ task"), "tasks of the lab's own stay")
  t.equal(lab:stop(), 0)
end)

-- A port that nobody listens on.
local function find_free_port()
  local lab = t.start()
  t.equal(lab:stop(), 0)
  return lab.port
end

t.test("a step can be entered again at once", function()
  local lab = start {
    [1] = ([[return {
      enter = function()
        assert(lab.tcp.listen("127.0.0.1:PORT"))
        for _ = 1, 20 do lab.go(function() lab.sleep(0.01) while true do end end) end
      end,
      leave = function() lab.sleep(0.039) end,
      request = function() end,
    }]]):gsub("PORT", find_free_port()),
    [2] = OK,
  }
  local entered = 0
  for i = 1, 10 do
    t.equal(lab:go_to(1).status, 200)
    local answer = push_aside(lab, 2, 1, i * 0.005)
    entered = entered + (answer.status == 200 and 1 or 0)
    if answer.body ~= CUT then t.equal(answer.body, "switched to step 1") end -- perhaps it came first
  end
  t.check(entered > 0, "the later one enters the step")
  t.equal(lab:stop(), 0)
end)

t.test("what enter had taken isn't the next step's", function()
  local lab = start {
    [1] = [[return {
      enter = function() for _ = 1, 150000 do lab.go(lab.sleep, 3600) end lab.log("started") lab.sleep(3600) end,
      request = function() end }]],
    [2] = 'return { limits = { memory = "16MB" }, request = function() end }',
  }
  for i = 1, 2 do
    local late = goto_later(lab, 1)
    t.eventually(function() return select(2, lab:log():gsub("started\n", "")) == i end)
    t.equal(lab:go_to(2).body, "switched to step 2")
    t.check(late:wait())
    t.equal(late:out(), CUT)
    await_no_tasks(lab)
  end
  t.equal(lab:stop(), 0)
end)

t.test("a switch is refused no memory because the old step takes some", function()
  local lab = start {
    [1] = [[
      local left, kept = false, {}
      return {
        request = function()
          while not left do lab.sleep(0.002) end
          for i = 1, 100 do kept[i] = lab.buffer(1000000) end
          lab.sleep(5)
        end,
        leave = function() left = true lab.sleep(0.03) end,
      }]],
    [2] = "error('broken')", [3] = OK,
  }
  for i = 1, 4 do
    t.equal(lab:go_to(1).status, 200)
    local request = begin_request(lab)
    local answer = lab:go_to(2 + i % 2)
    if i % 2 == 1 then
      t.equal(answer.body, "switched to step 3")
    else
      t.has(answer.body, "scenario.lua:1: broken (step 0 is active)")
    end
    t.check(request:wait())
  end
  t.equal(lab:stop(), 0)
end)

t.test("what enter starts has the new step's limit", function()
  local lab = start {
    [1] = 'return { limits = { memory = "40MB" }, request = function() lab.sleep(3600) end }',
    [2] = [[
      local kept, said = {}, nil
      return {
        limits = { memory = "400MB" },
        enter = function()
          local task = lab.go(function() for i = 1, 1000 do kept[i] = ("x"):rep(100000) end return "all" end)
          said = tostring(select(2, task:join()))
        end,
        request = function() return said end,
      }]],
  }
  t.equal(lab:go_to(1).status, 200)
  local request = begin_request(lab)
  t.equal(lab:go_to(2).status, 200)
  t.equal(lab:get("/").body, "all")
  t.check(request:wait())
  t.equal(lab:stop(), 0)
end)

t.test("a wrong parameter doesn't touch the step that is served", function()
  local lab = start {
    [1] = [[
      local kept = {}
      return { enter = function() for i = 1, 8e6 do kept[i] = {} end end, request = function() end }]],
    [2] = OK,
  }
  t.equal(lab:go_to(1).status, 200)
  t.sleep(1) -- a cycle that has begun ends
  local cycles = lab:vars()("NumGC")
  for _ = 1, 3 do t.equal(lab:go_to("2&zz=77").status, 400) end
  t.equal(lab:go_to(99).status, 400)
  t.sleep(2) -- so that it could be collected
  t.check(lab:vars()("NumGC") <= cycles + 1, "nothing of it is collected")
  t.equal(lab:stop(), 0)
end)

-- The second one interrupts the first, and is then answered that it can't wait.
t.test("all is given back where no later switch begins", function()
  local lab = start {
    [1] = [[return { limits = { memory = "30MB" },
      enter = function()
        lab.tcp.listen("127.0.0.1:0")
        lab.log("it begins")
        return ("x"):find("stuck 6.0", 1, true)
      end,
      request = function() end }]],
    [2] = OK,
  }
  t.equal(lab:go_to(2).status, 200)
  local fds = lab:get("/status").body:match('"step_fds": %d+')
  local late = goto_later(lab, 1)
  lab:wait_log("it begins")
  local answer = lab:go_to(2)
  t.equal(answer.status, 503)
  t.has(answer.body, "try again")
  t.check(late:wait())
  t.equal(late:out(), CUT)
  t.eventually(function()
    local status = lab:get("/status").body
    return status:match('"step_fds": %d+') == fds and not status:find('"memory_bytes": 30000000', 1, true)
  end)
  t.sleep(2.1) -- from then on requests would be told of an `enter`
  t.equal(lab:get("/").body, "hello world")
  t.equal(lab:stop(), 0)
end)

-- ---- what isn't valid ------------------------------------------------------------

-- Sends GOTOS, queries of /goto, at once, and waits for what each is told.
local function send_all(lab, gotos)
  local sent, told = {}, {}
  for i, query in ipairs(gotos) do
    sent[i] = t.spawn(("curl -s -w '%%{http_code}' '%s/goto?%s'"):format(lab.url, query))
    t.sleep(0.02) -- in this order
  end
  for i, one in ipairs(sent) do
    one:wait()
    told[i] = one:out()
  end
  return told
end

local INVALID = { "step=99", "step=x", "step=123456", "step=", "step=99&p=1" }

local function check_refused(lab, told)
  for i, query in ipairs(INVALID) do t.match(told[i], "400$", query) end
  t.has(told[1], "Invalid step 99")
  t.equal(lab:get("/").body, "ok")
  t.has(lab:get("/status").body, '"step": 2,')
end

t.test("a step that isn't there cuts no switch short", function()
  local lab = start {
    [1] = OK,
    [2] = 'return { enter = function() lab.sleep(3) end, request = function() return "ok" end }',
  }
  t.equal(lab:go_to(1).status, 200)
  local late = goto_later(lab, 2)
  t.sleep(0.1)
  local told = send_all(lab, INVALID)
  t.check(late:alive(), "it is told so at once")
  t.check(late:wait())
  t.equal(late:out(), "switched to step 2")
  check_refused(lab, told)
  t.equal(lab:stop(), 0)
end)

t.test("a step that isn't there takes the place of no switch that waits", function()
  local lab = start {
    [1] = "return { request = function() while true do end end }",
    [2] = 'return { enter = function() lab.sleep(0.3) end, request = function() return "ok" end }',
    [3] = "return { enter = function() lab.sleep(60) end, request = function() end }",
  }
  for _, first in ipairs { 1, 3 } do -- a request keeps the VM, or a switch is under way
    local before = first == 1 and begin_request(lab, lab:go_to(1)) or goto_later(lab, 3)
    if first == 3 then lab:wait_entering(3) end
    local late = goto_later(lab, 2)
    t.sleep(0.02)
    local told = send_all(lab, INVALID)
    t.check(late:wait())
    t.equal(late:out(), "switched to step 2")
    check_refused(lab, told)
    before:wait()
  end
  t.equal(lab:stop(), 0)
end)

t.test("a crowd that asks for steps that aren't there is no crowd for a switch", function()
  local lab = start {
    [2] = 'return { request = function() return "ok" end }',
    [3] = "return { enter = function() lab.sleep(60) end, request = function() end }",
  }
  local hangs = goto_later(lab, 3)
  lab:wait_entering(3)
  lab:signal "STOP" -- all of them come at once
  local late = goto_later(lab, 2)
  t.sleep(0.1)
  local crowd = t.spawn(t.command { "curl", "-s", "--parallel", "--parallel-immediate", "--parallel-max", "60", "-w",
    "%{http_code}\\n", "-o", "/dev/null", lab.url .. "/goto?step=[100-159]" })
  t.sleep(0.2)
  lab:signal "CONT"
  t.check(late:wait())
  t.equal(late:out(), "switched to step 2")
  crowd:wait()
  t.equal(select(2, crowd:out():gsub("400\n", "")), 60, crowd:out())
  hangs:wait()
  t.equal(hangs:out(), CUT)
  t.equal(lab:get("/").body, "ok")
  t.equal(lab:stop(), 0)
end)

t.finish()
