-- SPDX-License-Identifier: MIT
-- What speaks against a class of fault: for those who say what it isn't (ruled_out),
-- and for judge.lua, which tells who has misread a profile.
--
-- against.lua(parts) -> against      parts: classes, evidence
-- against.LITTLE_IN_USE              bytes of a heap profile
-- against.whole(view, kind, type) -> the value of all that is the scenario's own
-- against.speaks(class, kind, view)  does the profile of KIND in VIEW speak against
--                                    CLASS?
-- against.rulesOut(list, families, views, others) -> true, or false and for the first
--   of LIST why it counts for nothing. LIST: ruled_out of judge.lua; FAMILIES: those of
--   what is wrong (name -> true), as they can't be ruled out; OTHERS: as of judge.lua

local parts = ...
local classes, evidence = parts.classes, parts.evidence
local against = {}

-- What is in use is sampled: a few blocks are no leak, whatever they stand for.
against.LITTLE_IN_USE = 4e6
local LITTLE_ALLOCATED = 1e6 -- bytes per request
local SHORT_SHARE = 0.3 -- of the time
local FEW_LEFT = 0.1 -- per request
local GC_SHARE = 0.1 -- of what is computed

function against.whole(view, kind, type)
  return view.profiles[kind]:sum({ scenario = view.slug, only_scenario = true, type = type }).whole
end

-- Had the processor nothing to do in VIEW? Threads that were ready and had to wait for
-- one, because other programs had it, would have used it. Nobody knows without having
-- looked at both.
local function isProcessorIdle(view)
  return view.waited ~= nil and against.whole(view, "cpu", "cpu") / 1e9 + view.waited < SHORT_SHARE * view.elapsed
end

-- Is it only the other programs of the machine that keep the profile from speaking?
local function isProcessorTaken(view)
  return view.waited and against.whole(view, "cpu", "cpu") / 1e9 < SHORT_SHARE * view.elapsed
    and not isProcessorIdle(view)
end

local function isMemoryFine(view)
  return against.whole(view, "heap", "inuse_space") < against.LITTLE_IN_USE
    and against.whole(view, "heap", "alloc_space") / view.requests < LITTLE_ALLOCATED
end

-- With few samples a share says nothing; then the processor has to be idle as a whole.
local function isCollectorIdle(view)
  local sum = view.profiles.cpu:sum { under = { "[lua gc]" }, type = "cpu" }
  if sum.n < evidence.SAMPLES_MIN then return isProcessorIdle(view) end
  return sum.share < GC_SHARE
end

local function isWaitShort(view, kind) return against.whole(view, kind, "delay") / 1e9 < SHORT_SHARE * view.elapsed end

local function isNoneLeft(view, kind) return against.whole(view, kind, kind) < FEW_LEFT * view.requests end

-- Where nobody waited, whatever for, nobody waited for this.
local function isNobodyWaiting(view) return against.whole(view, "wall", "time") / 1e9 < SHORT_SHARE * view.elapsed end

-- For each family, and each class that shows otherwise than its family: which kinds of
-- profile can speak against it, and how that is told to who has another one.
local MEMORY = { heap = isMemoryFine,
  wanted = "a heap profile in which little is in use, and little was allocated for each request" }
local SPEAKS = {
  cpu = { cpu = isProcessorIdle,
    wanted = "a CPU profile, taken under load, of a time in which the processor was mostly idle" },
  memory = MEMORY,
  gc = { heap = isMemoryFine, cpu = isCollectorIdle,
    wanted = "a heap profile in which little was allocated for each request, or a CPU profile, taken under load, "
      .. "that has hardly any [lua gc]" },
  wait = { block = isWaitShort, mutex = isWaitShort, wall = isNobodyWaiting,
    wanted = "a block, mutex or wall profile, taken under load, that has hardly any waiting" },
  -- Neither is in a block profile: who waits for an answer isn't blocked by anybody in
  -- this process, and who may run at once but doesn't isn't blocked at all.
  ["wait.dependency"] = { wall = isNobodyWaiting,
    wanted = "a wall profile, taken under load, that has hardly any time" },
  ["wait.loop"] = { cpu = isProcessorIdle, wall = isNobodyWaiting,
    wanted = "a CPU profile, taken under load, of a time in which the processor was mostly idle" },
  leak = { goroutine = isNoneLeft, ["lab.OpenFiles"] = isNoneLeft,
    wanted = "a goroutine profile, or lab.OpenFiles, with far fewer entries than there were requests" },
}

local function rowOf(class) return SPEAKS[class] or SPEAKS[classes.family(class)] end

function against.speaks(class, kind, view)
  local check = (rowOf(class) or {})[kind]
  if not check or not view.profiles[kind] or not view.requests or view.requests == 0 then return false end
  return check(view, kind)
end

-- Is CHECK(kind, view) true for any profile that ITEM names as its evidence?
local function isAnyMeant(item, views, check)
  for _, view in ipairs(views) do
    for kind in pairs(view.profiles) do
      if evidence.isMeant(item.evidence, view, kind) and check(kind, view) then return true end
    end
  end
  return false
end

local function isRuledOut(item, views)
  return isAnyMeant(item, views, function(kind, view) return against.speaks(item.class, kind, view) end)
end

-- A CPU profile that would have spoken on a machine of its own.
local function isMachineBusy(item, views)
  return rowOf(item.class).cpu == isProcessorIdle and isAnyMeant(item, views, function(kind, view)
    return kind == "cpu" and isProcessorTaken(view)
  end)
end

local OTHERS = { visit = "%s is of another visit: take it anew.", trace = "%s was too large to be kept.",
  many = "%s wasn't looked at, as there are too many captures." }

local function explain(item, families, views, others)
  local family = classes.family(item.class)
  if families[family] then
    return ("%s is of the same family as what is wrong here, so it isn't ruled out."):format(item.class)
  end
  local row = rowOf(item.class)
  if not row then
    return ("The lab knows no capture that speaks against %s: choose another class."):format(item.class)
  end
  local why = "%s doesn't speak against %s."
  if not item.evidence then
    why = "No capture is named that speaks against " .. item.class .. "."
  elseif others[item.evidence] then
    why = OTHERS[others[item.evidence]]
  elseif isMachineBusy(item, views) then
    why = "%s doesn't speak against %s: other programs had the processor, which the lab might have used."
  end
  return ("%s What would: %s."):format(why:format(item.evidence, item.class), row.wanted)
end

function against.rulesOut(list, families, views, others)
  local why
  for _, item in ipairs(list or {}) do
    local other = not families[classes.family(item.class)]
    if other and item.evidence and isRuledOut(item, views) then return true end
    why = why or explain(item, families, views, others)
  end
  return false, why
end

return against
