-- SPDX-License-Identifier: MIT
-- What a line of the log belongs to in a trace, and what a user task is within:
-- also where the trace begins in the midst of them. And how long a request had
-- waited when its user task began.
local t = require "harness"
local trace = require "trace"
t.need("curl", "go")

local scenarios = { t.source .. "/tests/integration/scenarios", t.source .. "/scenarios" }

-- /whose parks in the midst, in the user tasks outer and inner.
local FIRST = { first = "GET", outside = "outer", within = "inner" }
local LAST = { resumed = "inner", again = "outer", last = "GET" }

-- -> message -> the user task that it is of; user task -> the one it is within
local function read_marks(file)
  local names, whose, parents = {}, {}, {}
  for _, event in ipairs(trace.events(file)) do
    local args = event.args
    if event.type == "UserTaskCreate" then
      t.check(args.pid == "0" or names[args.pid], args.name .. " comes before the one it is within")
      names[args.taskid], parents[args.name] = args.name, names[args.pid]
    elseif event.type == "UserLog" then
      whose[args.message] = names[args.taskid or args.id] or "none"
    end
  end
  return whose, parents
end

local function check_lines(whose, expected)
  for message, name in pairs(expected) do t.equal(whose[message], name, "the user task of " .. message) end
end

local function check_parents(parents)
  t.equal(parents.inner, "outer", "what inner is within")
  t.equal(parents.outer, "GET", "what outer is within")
  t.equal(parents.GET, nil, "what the request is within")
end

-- The trace in FILE has these lines, and what user tasks are within. Returns whose lines
-- there are.
local function check_marks(file, ...)
  local whose, parents = read_marks(file)
  for _, expected in ipairs { ... } do check_lines(whose, expected) end
  check_parents(parents)
  return whose
end

local function park(lab)
  local request = t.spawn(t.command { "curl", "-sS", lab.url .. "/whose" })
  t.eventually(function() return lab:get("/debug/pprof/goroutine?debug=2").body:find("trace.parked", 1, true) end)
  return request
end

local function release(lab, request)
  t.equal(lab:get("/release").status, 200)
  t.equal(request:wait(), 0)
end

local function take_last(lab, seconds)
  local file = t.temp_file()
  local answer = lab:get("/debug/pprof/trace?last=" .. seconds)
  t.equal(answer.status, 200, answer.body)
  t.write(file, answer.body)
  return file
end

t.test("in a trace, and in one of the past", function()
  local lab = t.start_with(scenarios, "--step", "69", "--flight", "600s,16MiB")
  local file = trace.take(lab, 2, function()
    t.equal(lab:go_to(69).status, 200)
    release(lab, park(lab))
  end)
  for _, of in ipairs { file, take_last(lab, 600) } do check_marks(of, FIRST, LAST) end
  t.equal(lab:stop(), 0)
end)

t.test("where it begins in the midst", function()
  local lab = t.start_with(scenarios, "--step", "69", "--flight", "600s,16MiB")
  local parked
  local file = t.enough(function(seconds)
    t.equal(lab:go_to(69).status, 200)
    local request = park(lab)
    parked = t.now()
    return trace.take_once(lab, seconds, function()
      t.sleep(1) -- so that one of the past hits it, too
      release(lab, request)
    end)
  end, function(_, whole) return whole end, 4)
  for _, of in ipairs { file, take_last(lab, ("%.3f"):format(t.now() - parked)) } do
    t.equal(check_marks(of, LAST).within, nil, "what was before")
  end
  t.equal(lab:stop(), 0)
end)

t.test("where the recorder has forgotten how they began", function()
  local lab = t.start_with(scenarios, "--step", "69", "--flight", "1s,64KiB")
  local request = park(lab)
  t.sleep(1.5) -- the ring forgets it
  t.run(("curl -s '%s/?[1-100]'"):format(lab.url))
  check_marks(take_last(lab, 1))
  release(lab, request)
  check_marks(take_last(lab, 1), LAST)
  t.equal(lab:stop(), 0)
end)

-- Seconds that the last request of /said had waited when it began, as its user task
-- says.
local function find_wait(file)
  local task, waited
  for _, event in ipairs(trace.events(file)) do
    local id = event.args.taskid or event.args.id
    if event.type == "UserTaskCreate" and event.rest:find("GET /said", 1, true) then task = id end
    local seconds = event.rest:match("waited ([%d.]+) s for the VM")
    if seconds and id == task then waited = tonumber(seconds) end
  end
  return waited
end

t.test("a request that comes while the VM is busy", function()
  local lab = t.start_with(scenarios, "--step", "69", "--flight", "600s,16MiB")
  local took
  local file = trace.take(lab, 4, function()
    t.equal(lab:go_to(69).status, 200)
    local spin = t.spawn(t.command { "curl", "-sS", lab.url .. "/spin" })
    lab:work("vm", 0.05)
    took = t.now()
    t.equal(lab:get("/said").status, 200)
    took = t.now() - took
    t.equal(spin:wait(), 0)
  end)
  for _, of in ipairs { file, take_last(lab, 600) } do
    local waited = find_wait(of)
    t.check(waited, "its user task doesn't say that it has waited")
    t.between(waited, took / 2, took, "seconds of them")
  end
  t.has(lab:get("/debug/pprof/trace?last=600&format=json").body, " s for the VM")
  t.equal(lab:stop(), 0)
end)

t.finish()
