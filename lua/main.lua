-- SPDX-License-Identifier: MIT
-- The application that students diagnose: its handlers are the frames above
-- every scenario's. Tail calls would erase them from the stack, so there are
-- none here.
--
-- main.lua(lab, host, steps) -> its functions that C calls

local lab, host, steps = ...

-- ---- requests ----------------------------------------------------------------

local function doSomeBusinessLogic(step, req)
  local body, status, headers = step:request(req)
  return body, status, headers
end

local function helloWorldHandler(step, req)
  local body, status, headers = doSomeBusinessLogic(step, req)
  return body or "hello world", status, headers
end

local function routeHandler(step, req)
  local route = step.routes and step.routes[req.path]
  if not route then return "404 page not found\n", 404 end
  local body, status, headers = route(step, req)
  return body, status, headers
end

local function unescape(s)
  s = s:gsub("+", " ")
  s = s:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end)
  return s
end

local function parseQuery(raw)
  local query = {}
  for pair in raw:gmatch("[^&]+") do
    local key, value = pair:match("^([^=]*)=?(.*)$")
    key = unescape(key)
    if query[key] == nil then query[key] = unescape(value) end
  end
  return query
end

-- req.query costs something only if it is looked at. Any other name that it
-- hasn't got is a typing mistake.
local requestKeys = { method = true, path = true, raw_query = true, query = true, body = true, id = true }
local requestMeta = {
  __metatable = false,
  __index = function(req, key)
    if key ~= "query" then
      key = tostring(key)
      error(("a request has no '%s'%s"):format(key, host.did_you_mean(key, requestKeys)), 2)
    end
    req.query = parseQuery(req.raw_query)
    return req.query
  end,
}

-- ---- steps -------------------------------------------------------------------

local LEAVE_SECONDS = 0.04 -- for `leave` itself; then it is cancelled
local REQUEST_SECONDS = 1 -- for requests that are still under way
local AT_ONCE = 10000 -- tasks that are cancelled in one go; they end in 10 ms

local PATIENCE = 2 -- seconds that `enter` may take before requests are told of it

local entering -- { number, since }: the step whose `enter` runs, or nil

-- Step 0 when no folder has one, what is served between two steps, and what
-- broken scenarios fall back to.
local idle = {
  params = {},
  request = function()
    local seconds = entering and lab.now() - entering.since or 0
    if seconds < PATIENCE then return nil end
    return ("step %d is being entered, for %.0f s now; /status says where it is\n")
      :format(entering.number, seconds), 503
  end,
}
local noStep = { scenario = idle, number = 0, slug = "baseline", generation = 0 }
local current = noStep

local function serve(step)
  current = step
  host.serve(step.scenario, step.number, step.slug, step.generation)
end

local function callLeave(step)
  local leave = step.scenario.leave
  if not leave then return end
  local task = host.visit(step.generation, lab.go, leave, step.scenario)
  local ok, problem = task:join(LEAVE_SECONDS)
  if ok == nil then
    lab.log("step %d: leave took too long and was cancelled", step.number)
    task:cancel()
  elseif not ok then
    lab.log("step %d: leave failed: %s", step.number, problem)
  end
end

-- A task of the lab's own: urgent, and a switch that is in a hurry doesn't
-- interrupt it. It runs nothing of the scenario's.
local function goOwn(f, ...)
  local task = lab.go(f, ...)
  host.own(true, task)
  return task
end

-- Waits until all tasks that can run now have had a turn, or for SECONDS.
local function settle(seconds)
  lab.go(function() end):join(seconds)
end

-- Cancels tasks of STEP that are no requests; they have ended then, but for
-- those that catch the error.
local function cancelSome(step)
  local n = host.cancel_tasks(step.generation, AT_ONCE)
  if n > 0 then settle(1) end
  return n
end

local function logCancelled(step, n)
  if n > 0 then
    lab.log("step %d: %d task%s left behind and cancelled", step.number, n, n == 1 and " was" or "s were")
  end
end

-- Gives requests that are still under way a while, then cancels them.
local function drainRequests(step)
  local generation = step.generation
  local patience = lab.now() + REQUEST_SECONDS
  repeat lab.sleep(0.05) until host.requests(generation) == 0 or lab.now() >= patience
  repeat -- what it started meanwhile, too
    local n = host.cancel_requests(generation) + host.cancel_tasks(generation)
    lab.sleep(0.01)
  until n == 0 and host.requests(generation) == 0
end

-- Steps that left so much behind that their memory still counts. Until it is
-- given back a later step's limit must not be held against it.
local crowds = 0
local limited = noStep -- the step whose limits hold

local function setLimits(step)
  limited = step
  host.limit(crowds == 0 and step.limit or 0, step.fds or 0)
end

-- Cancels the rest of a crowd, of which N tasks are cancelled.
local function drainTasks(step, n)
  repeat
    local more = cancelSome(step)
    n = n + more
  until more == 0
  logCancelled(step, n)
end

-- What a switch doesn't wait for.
local function drain(step, n)
  local crowd = n == AT_ONCE
  if crowd then drainTasks(step, n) end
  if host.requests(step.generation) > 0 then drainRequests(step) end
  host.reclaim(step.generation, step.number)
  host.collect()
  if crowd then
    crowds = crowds - 1
    setLimits(limited)
  end
end

-- Takes back what LEAVE forgot: tasks at once, unless they are very many;
-- requests after a while.
local function reclaim(step)
  settle(0.05) -- tasks that leave set free end by themselves
  local n = cancelSome(step)
  if n < AT_ONCE then logCancelled(step, n) else crowds = crowds + 1 end
  if n == AT_ONCE or host.requests(step.generation) > 0 then
    goOwn(drain, step, n)
  else
    host.reclaim(step.generation, step.number)
  end
end

local function giveBack(step)
  callLeave(step)
  reclaim(step)
end

-- The task that calls this may be cut short by a later switch. What the step
-- took is given back all the same, by a task of no step.
local function leaveStep()
  local left = current
  if left == noStep then return end
  serve(noStep)
  goOwn(giveBack, left):join()
  setLimits(noStep)
end

-- Calls the scenario's `enter` as its own work, not the lab's. Returns true, or
-- false and a message.
local function callEnter(step)
  local enter = step.scenario.enter
  if not enter then return true end
  host.own(false)
  local ok, problem = host.visit(step.generation, xpcall, enter, host.traceback, step.scenario)
  host.own(true)
  return ok, problem
end

-- Enters what steps.load gave. Returns nil, or a status and a message.
local function enterStep(step)
  entering = { number = step.number, since = lab.now() }
  host.entering(step.number, step.slug)
  host.mark(step.generation)
  setLimits(step)
  local ok, problem = callEnter(step)
  entering = nil
  if ok then
    serve(step)
    return
  end
  problem = host.explain(problem) -- as long as the limit is known
  host.give_up()
  reclaim(step)
  setLimits(noStep)
  return 500, problem
end

-- ENTRY as a step that can be entered; or nil, a status and a message.
local function loadStep(entry, overrides)
  local generation = host.new_generation()
  host.reading(entry.number, entry.slug)
  local scenario, limit, rest = host.visit(generation, steps.load, entry, overrides)
  if not scenario then
    host.give_up()
    host.cancel_tasks(generation) -- what it had started
    host.reclaim(generation, entry.number)
    return nil, limit, rest
  end
  return {
    scenario = scenario, number = entry.number, slug = entry.slug,
    generation = generation, limit = limit, fds = rest,
  }
end

local function enterBaseline()
  local entry = steps.list()[0]
  local step = entry and loadStep(entry, {})
  if step then enterStep(step) end
end

-- The log gets the whole message, the client its first part.
local function report(number, status, message)
  lab.log("step %d: %s", number, message)
  message = message:match("^(.-)\nstack traceback:") or message
  return status, ("%s (step 0 is active)"):format(message)
end

-- /goto: returns a status and a text. Wrong parameters change nothing; a
-- scenario that fails to load or to enter leaves the lab in step 0, and the
-- text says so.
local function switchToStep(number, rawQuery)
  entering = nil -- one that was cut short
  local overrides = parseQuery(rawQuery)
  overrides.step = nil
  local entry = steps.list()[number]
  if not entry and number ~= 0 then return 400, "Invalid step " .. number .. steps.why_not(number) end
  if entry and entry.clash then
    return 500, ("step %d is there twice: %s and %s"):format(number, entry.dir, entry.clash)
  end
  local step, status, message
  if entry then
    step, status, message = loadStep(entry, overrides)
    if status == 400 then return status, message end
  end
  host.leaving()
  leaveStep()
  if crowds == 0 then host.collect() end
  host.mark(0) -- what comes late belongs to the step before
  if step then status, message = enterStep(step) end
  if not status then return 200, "switched to step " .. number end
  if number ~= 0 then enterBaseline() end
  return report(number, status, message)
end

-- A folder may come later: so it's no error.
local function warnOfParams()
  local there = steps.list()
  for _, option in ipairs(host.params) do
    local number = math.tointeger(tonumber(option:match("^%d+")))
    if not there[number] then lab.log("--param %s: there is no step %d yet", option, number) end
  end
end

local function start()
  warnOfParams()
  serve(current)
end

return {
  helloWorldHandler = helloWorldHandler, routeHandler = routeHandler, requestMeta = requestMeta,
  switchToStep = switchToStep, start = start,
}
