-- SPDX-License-Identifier: MIT
-- What speaks against a class of fault: for those who say what it isn't (ruled_out),
-- and for judge.lua, which tells who has misread a profile.
--
-- against.lua(parts) -> against      parts: classes, evidence
-- against.LITTLE_IN_USE              bytes of a heap profile
-- against.whole(view, kind, type) -> the value of all that is the scenario's own
-- against.speaks(class, kind, view)  does the profile of KIND in VIEW speak against
--                                    the family of CLASS?
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

function against.whole(view, kind, type)
  return view.profiles[kind]:sum({ scenario = view.slug, only_scenario = true, type = type }).whole
end

-- Had the processor nothing to do in VIEW? Threads that were ready and had to wait for
-- one, because other programs had it, would have used it. Nobody knows without having
-- looked at both.
local function isProcessorIdle(view)
  return view.waited ~= nil and against.whole(view, "cpu", "cpu") / 1e9 + view.waited < SHORT_SHARE * view.elapsed
end

local function isMemoryFine(view)
  return against.whole(view, "heap", "inuse_space") < against.LITTLE_IN_USE
    and against.whole(view, "heap", "alloc_space") / view.requests < LITTLE_ALLOCATED
end

local function isWaitShort(view, kind) return against.whole(view, kind, "delay") / 1e9 < SHORT_SHARE * view.elapsed end

local function isNoneLeft(view, kind) return against.whole(view, kind, kind) < FEW_LEFT * view.requests end

-- For each family: which kinds of profile can speak against it, and how that is told to
-- who has another one.
local MEMORY = { heap = isMemoryFine,
  wanted = "a heap profile in which little is in use, and little was allocated for each request" }
local SPEAKS = {
  cpu = { cpu = isProcessorIdle,
    wanted = "a CPU profile, taken under load, of a time in which the processor was mostly idle" },
  memory = MEMORY,
  gc = MEMORY,
  wait = { block = isWaitShort, mutex = isWaitShort,
    wanted = "a block or mutex profile, taken under load, that has hardly any waiting" },
  leak = { goroutine = isNoneLeft, ["lab.OpenFiles"] = isNoneLeft,
    wanted = "a goroutine profile, or lab.OpenFiles, with far fewer entries than there were requests" },
}

function against.speaks(class, kind, view)
  local check = (SPEAKS[classes.family(class)] or {})[kind]
  if not check or not view.profiles[kind] or not view.requests or view.requests == 0 then return false end
  return check(view, kind)
end

-- Does what ITEM names as its evidence speak against its class?
local function isRuledOut(item, views)
  for _, view in ipairs(views) do
    for kind in pairs(view.profiles) do
      if evidence.isMeant(item.evidence, view, kind) and against.speaks(item.class, kind, view) then return true end
    end
  end
  return false
end

local OTHERS = { visit = "%s is of another visit: take it anew.", trace = "%s was too large to be kept.",
  many = "%s wasn't looked at, as there are too many captures." }

local function explain(item, families, others)
  local family = classes.family(item.class)
  if families[family] then
    return ("%s is of the same family as what is wrong here, so it isn't ruled out."):format(item.class)
  end
  local row = SPEAKS[family]
  if not row then
    return ("The lab knows no capture that speaks against %s: choose another class."):format(item.class)
  end
  local why = "%s doesn't speak against %s."
  if not item.evidence then
    why = "No capture is named that speaks against " .. item.class .. "."
  elseif others[item.evidence] then
    why = OTHERS[others[item.evidence]]
  end
  return ("%s What would: %s."):format(why:format(item.evidence, item.class), row.wanted)
end

function against.rulesOut(list, families, views, others)
  local why
  for _, item in ipairs(list or {}) do
    local other = not families[classes.family(item.class)]
    if other and item.evidence and isRuledOut(item, views) then return true end
    why = why or explain(item, families, others)
  end
  return false, why
end

return against
