-- SPDX-License-Identifier: MIT
-- Gives back what a step took, when the lab leaves it.
--
-- giving.lua(lab, host) -> giving
-- giving.go(f, ...) -> a task that does the lab's own work
-- giving.back(step, isServed): what `leave` forgot; isServed: another step is served,
--   and this one was never entered. In a task of giving.go.
-- giving.collect(step): the garbage of a step that was given back
-- giving.isDraining(): something is being given back in the background
-- giving.isCrowd(): and it is so much that nothing is collected until it is gone
-- giving.leftBytes(): how much memory the steps may have that have been left

local lab, host = ...
local giving = {}

-- ---- what is given back in the background ---------------------------------------

-- Steps that were left with so much that it is given back in the background, and
-- the memory that was in use when the last of them was left. Until it is given
-- back, a later step may have so much more: it isn't held responsible for it, but
-- has a limit all the same. CROWDS of them left too many tasks, or objects, for a
-- collection in between.
local draining, crowds, leftBytes = 0, 0, 0

local function beginDraining(crowd)
  draining, crowds = draining + 1, crowds + (crowd and 1 or 0)
  leftBytes = host.memory()
  host.begin_leaving()
end

local function endDraining(crowd)
  draining, crowds = draining - 1, crowds - (crowd and 1 or 0)
  if draining == 0 then leftBytes = 0 end
  host.left(leftBytes) -- not host.limit: another switch may have lifted the limit
end

function giving.isDraining() return draining > 0 end
function giving.isCrowd() return crowds > 0 end
function giving.leftBytes() return leftBytes end

-- ---- tasks of the lab's own --------------------------------------------------

-- A task that runs nothing of the scenario's: it is urgent, is refused no memory, is in
-- no number of tasks and in no profile of them, and a switch that is in a hurry doesn't
-- interrupt it. Urgent tasks take turns: if the running switch is cut short now, the
-- task begins before the next switch does.
function giving.go(f, ...)
  return host.go_own(true, lab.go, f, ...)
end

-- Waits until all tasks that can run now have had a turn, or for SECONDS.
local function settle(seconds)
  host.go_own(false, lab.go, function() end):join(seconds)
end

-- ---- giving back what a step took --------------------------------------------

local REQUEST_SECONDS = 1 -- for requests that are still under way
local AT_ONCE = 10000 -- tasks that are cancelled in one go; they end in 10 ms

-- Cancels tasks of STEP that serve no request. They have ended afterwards, except for
-- those that catch the error, and for the rest of a crowd.
local function cancelSome(step)
  local n = host.cancel_tasks(step.generation, AT_ONCE)
  if n == AT_ONCE then host.begin_over(step.generation) end
  if n > 0 then settle(1) end
  return n
end

local STUCK_SECONDS = 1

-- Waits until the tasks of steps that are over have ended. Some may catch each error;
-- when none has ended for a while, there are only such ones.
local function awaitOver()
  local fewest, since, n = math.huge, lab.now(), host.over_tasks()
  while n > 0 and lab.now() < since + STUCK_SECONDS do
    if n < fewest then fewest, since = n, lab.now() end
    lab.sleep(0.005)
    n = host.over_tasks()
  end
end

local function logCancelled(step, n)
  if n > 0 then
    lab.log("step %d: %d task%s left behind and cancelled", step.number, n, n == 1 and " was" or "s were")
  end
end

local FINALIZE_SECONDS = 0.04 -- that its finalizers may take; then they are cancelled

-- Lets those of GENERATION run that are due. Returns whether they have ended.
local function awaitFinalizers(generation)
  local patience = lab.now() + FINALIZE_SECONDS
  while host.finalizers(generation) > 0 do
    if lab.now() >= patience then return false end
    lab.sleep(0.001)
  end
  return true
end

-- From now on STEP has no finalizers. What they have started or opened is taken
-- back, too. What they leave is collected without being finalized again, so a
-- chain of finalizers ends here.
local function endFinalizers(step, collect)
  if not host.end_finalizers(step.generation) then return end
  host.cancel_tasks(step.generation)
  settle(0.05)
  host.reclaim(step.generation, step.number)
  collect()
end

-- Those that are due run, and then there are no more.
local function finishFinalizers(step, collect)
  if not awaitFinalizers(step.generation) then lab.log("finalizers took too long and were cancelled") end
  endFinalizers(step, collect)
end

-- Collects all garbage. Millions of objects take seconds, in which the present step's
-- tasks have their turns. The first cycle has perhaps begun before; the other two are
-- those of host.collect.
local function collectAll()
  for _ = 1, 3 do
    while host.collects_in_steps() and not host.collect_some() do lab.sleep(0.001) end
  end
  if host.collects_in_steps() then host.release() else host.collect() end
end

-- Collects what is left, and waits for finalizers, which have the limit of the step
-- that was left meanwhile.
local function collectLate(step)
  collectAll()
  finishFinalizers(step, collectAll)
end

-- The part that a switch doesn't wait for: a CROWD of tasks, of which N are
-- cancelled, or of objects, and requests. Those have some time until they are
-- cancelled, too, and may start tasks meanwhile; so both are looked at in turns,
-- until none is left.
local function drain(step, n, crowd)
  local generation, patience = step.generation, lab.now() + REQUEST_SECONDS
  if crowd then host.begin_over(generation) end
  repeat
    local late, requests, tasks = lab.now() >= patience, host.requests(generation), 0
    if late then host.cancel_requests(generation) end
    if crowd or late or requests == 0 then tasks = cancelSome(step) end
    if tasks == 0 and requests > 0 then lab.sleep(0.02) end
    n = n + tasks
  until requests == 0 and tasks == 0
  awaitOver()
  host.end_leaving()
  n = n + host.end_over(generation) -- finalizers may still start some
  if crowd then logCancelled(step, n) end
  host.reclaim(generation, step.number)
  collectLate(step)
  endDraining(crowd)
end

-- Takes back what `leave` forgot. Files, sockets and processes come last: tasks
-- and requests may still be using them.
function giving.back(step, isServed)
  settle(0.05) -- tasks that `leave` set free end by themselves
  local n = cancelSome(step)
  local crowd = n == AT_ONCE or not isServed and host.collects_in_steps()
  if n > 0 and not crowd then -- those that requests started before they ended
    local more = cancelSome(step)
    n, crowd = n + more, more > 0
  end
  if not crowd then logCancelled(step, n) end
  if crowd or crowds > 0 or host.requests(step.generation) > 0 then
    beginDraining(crowd)
    -- Not STEP itself, which would keep what its scenario has from being collected.
    giving.go(drain, { generation = step.generation, number = step.number }, n, crowd)
  else
    host.reclaim(step.generation, step.number)
  end
end

-- ---- collecting what it had ---------------------------------------------------

-- Collects the garbage of the step that was left. Its finalizers are its own work.
-- While it has requests, they aren't over: `drain` collects it again.
function giving.collect(step)
  host.collect()
  if host.requests(step.generation) > 0 then return end
  finishFinalizers(step, host.collect)
end

return giving
