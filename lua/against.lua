-- SPDX-License-Identifier: MIT
-- What speaks against a class of fault: for those who say what it isn't (ruled_out),
-- and for judge.lua, which tells who has misread a profile.
--
-- against.lua(parts) -> against      parts: classes
-- against.whole(view, kind, type) -> the value of all that is the scenario's own
-- against.speaks(class, kind, view)  does the profile of KIND in VIEW speak against
--                                    the family of CLASS?
-- against.isAny(list, families, views) -> true, or false and for the first of LIST why
--   it counts for nothing. LIST: ruled_out of judge.lua; FAMILIES: those of the fault
--   (name -> true), as it can be none of them

local parts = ...
local classes = parts.classes
local against = {}

-- What is in use is sampled: a few blocks are no leak, whatever they stand for.
local FEW_IN_USE = 4e6 -- bytes
local FEW_ALLOCATED = 1e6 -- bytes per request
local FEW_WAITED = 0.3 -- of the time
local FEW_LEFT = 0.1 -- per request

function against.whole(view, kind, type)
  return view.profiles[kind]:sum({ scenario = view.slug, only_scenario = true, type = type }).whole
end

-- Had the processor nothing to do in VIEW? Threads that were ready and had to wait for
-- one, because other programs had it, would have used it. Nobody knows without having
-- looked at both.
local function isProcessorIdle(view)
  return view.waited ~= nil and against.whole(view, "cpu", "cpu") / 1e9 + view.waited < FEW_WAITED * view.elapsed
end

local function isMemoryFine(view)
  return against.whole(view, "heap", "inuse_space") < FEW_IN_USE
    and against.whole(view, "heap", "alloc_space") / view.requests < FEW_ALLOCATED
end

local function isWaitShort(view, kind) return against.whole(view, kind, "delay") / 1e9 < FEW_WAITED * view.elapsed end

local function isNoneLeft(view, kind) return against.whole(view, kind, kind) < FEW_LEFT * view.requests end

-- Family -> kind of profile -> does it speak against the family? And what is told to
-- who has another one.
local SPEAKS = {
  cpu = { cpu = isProcessorIdle },
  memory = { heap = isMemoryFine },
  gc = { heap = isMemoryFine },
  wait = { block = isWaitShort, mutex = isWaitShort },
  leak = { goroutine = isNoneLeft, ["lab.OpenFiles"] = isNoneLeft },
}
local MEMORY = "a heap profile in which little is in use, and little was allocated for each request"
local NEEDED = {
  cpu = "a CPU profile of a time in which the processor was mostly idle, with requests under way",
  memory = MEMORY,
  gc = MEMORY,
  wait = "a block or mutex profile of a time in which requests were under way, and hardly waited",
  leak = "a goroutine profile, or lab.OpenFiles, with far fewer than there were requests",
}

function against.speaks(class, kind, view)
  local check = (SPEAKS[classes.family(class)] or {})[kind]
  if not check or not view.profiles[kind] or not view.requests or view.requests == 0 then return false end
  return check(view, kind)
end

-- Does what is called EVIDENCE, a kind or an id, speak against CLASS?
local function isRuledOut(class, evidence, views)
  for _, view in ipairs(views) do
    for kind in pairs(view.profiles) do
      local named = evidence == view.id or evidence == view.kind or evidence == kind and view.kind ~= "trace"
      if named and against.speaks(class, kind, view) then return true end
    end
  end
  return false
end

local function explain(item, families)
  local family = classes.family(item.class)
  if families[family] then
    return ("%s is of the same family as the fault, so it isn't ruled out."):format(item.class)
  end
  if not NEEDED[family] then return ("No capture can speak against %s: choose another class."):format(item.class) end
  return ("%s doesn't speak against %s: %s would."):format(item.evidence or "Nothing", item.class, NEEDED[family])
end

function against.isAny(list, families, views)
  local why
  for _, item in ipairs(list or {}) do
    local other = not families[classes.family(item.class)]
    if other and item.evidence and isRuledOut(item.class, item.evidence, views) then return true end
    why = why or explain(item, families)
  end
  return false, why
end

return against
