-- SPDX-License-Identifier: MIT
-- The application that students diagnose: it answers requests by way of the step
-- that is served, and switches steps.
--
-- Its handlers are the frames above every scenario's in profiles. Tail calls
-- would erase them from the stack, so there are none here.
--
-- main.lua(lab, host, steps, request, giving) -> the functions that C calls, each in a task:
--   helloWorldHandler, routeHandler, requestMeta   src/scenario/request.c
--   switchToStep, tidyUp                           src/scenario/switches.c
--   start                                          src/scenario/scenario.c; no task

local lab, host, steps, request, giving = ...

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

-- ---- the step that is served -------------------------------------------------

local PATIENCE = 2 -- seconds that `enter` may take before requests are told of it

local entering -- { number, since }: the step whose `enter` runs, or nil

-- What is served between two steps, in place of a step 0 when no folder has one,
-- and when a scenario is broken.
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

-- What was left last, or noStep. If a later switch comes before it is collected,
-- that one collects it.
local leftLast = noStep

local function serve(step)
  current = step
  host.serve(step.scenario, step.number, step.slug, step.generation, step.isOther)
end

local function setLimits(step)
  host.limit(step.limit or 0, step.fds or 0, giving.leftBytes())
end

-- ---- errors -------------------------------------------------------------------

-- An error's text, for the log and the client.
local function textOf(problem)
  problem = host.explain(problem)
  return type(problem) == "string" and problem or "it failed, and gave no message"
end

-- ---- leaving a step ----------------------------------------------------------

local LEAVE_SECONDS = 0.04 -- that `leave` may take; then it is cancelled

-- `enter` may have put anything in its place. This task isn't interrupted, so it runs
-- no metamethod of the scenario's, and raises nothing.
local function callLeave(step)
  local leave = rawget(step.scenario, "leave")
  if leave == nil then return end
  if type(leave) ~= "function" then
    lab.log("step %d: leave failed: it is a %s", step.number, type(leave))
    return
  end
  local task = host.visit(step.generation, lab.go, leave, step.scenario)
  local ok, problem = task:join(LEAVE_SECONDS)
  if ok == nil then
    lab.log("step %d: leave took too long and was cancelled", step.number)
    task:cancel()
  elseif not ok then
    problem = textOf(problem)
    local isCut = problem:find("the step was left", 1, true)
    lab.log("step %d: leave %s", step.number, isCut and "took too long and was interrupted" or "failed: " .. problem)
  end
end

-- ---- giving back ---------------------------------------------------------------

-- How many tasks give something back now. Each switch waits until there is none.
local givingBack = 0

-- Gives back what the step took that take() returns. A task of its own does this to
-- the end, even if the switch is cut short.
local function giveBackForSure(take)
  giving.go(function()
    givingBack = givingBack + 1
    local ok, problem = pcall(function()
      local step = take()
      if step then giving.back(step, current ~= noStep) end
    end)
    givingBack = givingBack - 1
    if not ok then lab.log("a step wasn't given back: %s", textOf(problem)) end
    if current == noStep then setLimits(noStep) end
  end):join()
end

-- What a switch has begun to give back that was cut short.
local function awaitGivingBack()
  while givingBack > 0 do lab.sleep(0.001) end
end

-- From now on no step is served. (This isn't a part of switchToStep, whose stack would
-- keep what the old step has from being collected.)
local function leaveCurrent()
  giveBackForSure(function()
    local left = current
    if left == noStep then return nil end
    serve(noStep)
    callLeave(left)
    return left
  end)
end

-- { generation, number }: the step that the switch reads or enters. One that is cut
-- short, at any point, leaves it to the next one to give back what it took.
local coming

-- The step that was read isn't entered, or not wholly.
local function giveUpComing()
  giveBackForSure(function()
    local step = coming
    coming = nil
    host.give_up()
    return step
  end)
end

-- Gives back what a switch has taken that was cut short. Also called where no switch
-- follows it; one may then come meanwhile.
local function tidyUp()
  entering = nil
  local step = coming
  if current == noStep and (step or givingBack > 0) then host.leaving() end
  awaitGivingBack()
  if step and coming == step then
    if step.generation ~= current.generation then giveUpComing() else coming = nil end
  end
  awaitGivingBack()
end

-- ---- reading a step ----------------------------------------------------------

-- Runs and checks scenario.lua. Returns a step that can be entered; or nil, a
-- status and a message.
local function readStep(entry, overrides)
  local generation = host.new_generation()
  coming = { generation = generation, number = entry.number }
  host.reading(entry.number, entry.slug)
  local ok, scenario, limit, rest = pcall(host.visit, generation, steps.load, entry, overrides)
  if not ok then
    host.own(true)
    host.loading(false)
    scenario, limit, rest = nil, 500, textOf(scenario)
  end
  if not scenario then
    giveUpComing()
    return nil, limit, rest
  end
  return {
    scenario = scenario, number = entry.number, slug = entry.slug,
    generation = generation, limit = limit, limit_at = entry.limit_at, fds = rest, isOther = entry.isOther,
  }
end

-- ---- entering a step ---------------------------------------------------------

-- Calls the scenario's `enter` as its own work, not the lab's. Returns true, or
-- false and a message.
local function callEnter(step)
  local enter = rawget(step.scenario, "enter")
  if not enter then return true end
  host.own(false)
  local ok, problem = host.visit(step.generation, xpcall, enter, host.traceback, step.scenario)
  host.own(true)
  return ok, problem
end

-- What a step needs besides what is in use already: with less it could not even
-- say what is wrong.
local ROOM = 64 << 10

-- The least memory that was ever in use: the lab's own, without any scenario.
local labBytes = math.huge

-- What is in use now is the lab's, and what the new scenario.lua has made and
-- started when it was read: the error says whose it is.
local function checkRoom(step)
  if step.limit == 0 or giving.isDraining() then return end -- what is left isn't the lab's own
  local used = host.memory()
  labBytes = math.min(labBytes, used)
  local least = used + ROOM
  if step.limit >= least then return end
  local whose = "the lab itself has %d in use"
  if step.limit >= labBytes + ROOM then
    whose = "%d are in use before enter: what scenario.lua made and started when it was read has about "
      .. used - labBytes .. " of them, the lab itself the rest"
  end
  error(("%s: limits.memory is %d bytes, but " .. whose .. "; it must be at least %d")
    :format(step.limit_at, step.limit, used, least), 0)
end

-- The limits hold for `enter`, and for what comes after the switch. They don't
-- hold for the switch itself, which could not end otherwise. Raises.
local function tryToEnter(step)
  entering = { number = step.number, since = lab.now() }
  host.entering(step.number, step.slug)
  host.mark(step.generation)
  checkRoom(step)
  setLimits(step)
  local ok, problem = callEnter(step)
  problem = not ok and textOf(problem)
  if not ok then error(problem, 0) end
  host.mark(step.generation) -- what `enter` did is no part of what it serves
  serve(step)
end

-- Enters what readStep gave. Returns nil, or a status and a message: then the
-- step isn't served, whatever went wrong.
local function enterStep(step)
  local ok, problem = pcall(tryToEnter, step)
  entering = nil
  if ok then
    coming = nil
    return
  end
  host.own(true)
  problem = textOf(problem) -- before the limits change, which it names
  if current ~= noStep then serve(noStep) end
  giveUpComing()
  return 500, problem
end

local function enterBaseline()
  local entry = steps.list()[0]
  local step = entry and readStep(entry, {})
  if step then enterStep(step) end
end

-- ---- switching ---------------------------------------------------------------

-- The scenario's folder, nil if step 0 has none or can't be looked for: without it, too,
-- the present one can be left. Or nil, a status and a message.
local function findStep(number)
  local entry, status, message = steps.find(number)
  if status and number ~= 0 then return nil, status, message end
  if not entry and number ~= 0 then
    local why = steps.why_not(number)
    return nil, 400, ("Invalid step %d%s"):format(number, why ~= "" and why or steps.there_are())
  end
  if entry and entry.clash then
    return nil, 500, ("step %d is there twice: %s and %s"):format(number, entry.dir, entry.clash)
  end
  return entry
end

-- For a switch that comes while there are others, which it would push aside: why it will
-- be refused, a status and a message; or nothing. In a crowd one look serves many.
local FOUND_FOR = 0.1 -- seconds
local foundAt = {}

local function whyNoStep(number)
  local now = lab.now()
  if foundAt[number] and now - foundAt[number] < FOUND_FOR then return end
  local _, status, message = findStep(number)
  if status then return status, message end
  foundAt[number] = now
end

-- The parameter with which a step runs another program than scenario.lua: the
-- repaired one that stands beside it. No parameter of a step can have this name.
local PROGRAM = "program-file"

-- Nothing, or a status and a message. ENTRY is nil where there is no folder.
local function chooseProgram(entry, number, name)
  if not name then return end
  -- To read a lesson as a program would show it in /lab/api/source.
  if not entry or not name:find("^[%w_-]+%.lua$") or name == "lesson.lua"
    or not host.exists(entry.dir .. "/" .. name) then
    return 400, ("%s: step %d has no program '%s'"):format(PROGRAM, number, name)
  end
  entry.file, entry.isOther = entry.dir .. "/" .. name, name ~= "scenario.lua"
end

-- What /goto answers when a scenario is broken: the log gets the whole message,
-- the client its first part.
local function report(number, status, message)
  lab.log("step %d: %s", number, message)
  message = message:match("^(.-)\nstack traceback:") or message
  return status, ("%s (step 0 is active)"):format(message)
end

-- /goto: returns a status and a text. It is a task of no step, and a later
-- switch may cut it short at any point where it waits. The order:
--
--   read        The new scenario.lua runs while the old step is still served, so
--               an unknown step or a wrong parameter changes nothing.
--   leave       From now on requests get noStep's answer: the old step isn't
--               given any new work. Its `leave` runs.
--   give back   What `leave` forgot is cancelled and closed. It can't come
--               sooner: `leave` may need it.
--   collect     What the old step had is garbage now. Its finalizers run. So the
--               new one begins with an empty heap, and its profiles show what it
--               does itself.
--   enter       The step's limits hold, its `enter` runs, requests go to it.
--
-- A scenario that can't be read or entered leaves the lab in step 0, and the
-- text says so.
local function switchToStep(number, rawQuery)
  local overrides = request.parseQuery(rawQuery)
  local program = overrides[PROGRAM]
  overrides.step, overrides[PROGRAM] = nil, nil

  -- read
  local entry, status, message = findStep(number)
  if not status then status, message = chooseProgram(entry, number, program) end
  if status then return status, message end -- at once: what was cut short is tidied up after it
  tidyUp()
  local step
  if entry then step, status, message = readStep(entry, overrides) end
  if status == 400 or status == 503 and number ~= 0 then return status, message end
  if status == 503 then status = nil end -- step 0 is entered in any case

  -- leave, give back
  host.leaving()
  if current ~= noStep then
    leftLast = { generation = current.generation, number = current.number }
    leaveCurrent()
  end

  -- collect; a crowd's task does it when the crowd is gone
  if not giving.isCrowd() then giving.collect(leftLast) end
  host.mark(0) -- profiles count what comes late as the old step's

  -- enter
  if step then status, message = enterStep(step) elseif not status then enterBaseline() end
  if not status then return 200, "switched to step " .. number end
  if number ~= 0 then enterBaseline() end
  return report(number, status, message)
end

-- ---- the start ---------------------------------------------------------------

-- A folder may come later, so an unknown step in --param is no error.
local function warnOfParams()
  local there, _, unread = steps.list()
  if unread then return end
  for _, option in ipairs(host.params) do
    local number = math.tointeger(tonumber(option:match("^%d+")))
    if not there[number] then lab.log("--param %s: there is no step %d yet", option, number) end
  end
end

local function start()
  warnOfParams()
  labBytes = host.memory()
  serve(current)
end

return {
  helloWorldHandler = helloWorldHandler, routeHandler = routeHandler, requestMeta = request.meta,
  switchToStep = switchToStep, whyNoStep = whyNoStep, tidyUp = tidyUp, start = start,
}
