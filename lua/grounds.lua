-- SPDX-License-Identifier: MIT
-- Is a diagnosis grounded: does what its author has seen say so? For judge.lua.
--
-- grounds.lua(parts) -> grounds     parts: claim, evidence, faults, measure, sentence
-- grounds.find(lesson, views, wanted, visit) -> true, the view's id
--                                            or false, a code of what is missing
-- grounds.isRightNumber(text, lesson, visit)
-- grounds.kinds(lesson) -> in words, what would show it; or nil
-- grounds.isNumbersOnly(lesson): only numbers of the whole program would
-- grounds.unusual(lesson, visit) -> names of parameters
--
-- views, wanted: as of judge.lua. visit: { params, defaults }, the parameters that
-- the step has been entered with, and those that it has by itself; nil: nobody knows.

local parts = ...
local claim, evidence, faults, measure = parts.claim, parts.evidence, parts.faults, parts.measure
local sentence = parts.sentence
local grounds = {}

local SAMPLES_MIN = evidence.SAMPLES_MIN

-- ---- parameters ------------------------------------------------------------------

-- Those that are neither what the program has by itself nor what the exercise was
-- proven with. Amounts that the lesson tells needn't hold then.
function grounds.unusual(lesson, visit)
  local names, proven = {}, lesson.params or {}
  for name, value in pairs(visit and visit.params or {}) do
    local default = visit.defaults[name]
    if default ~= nil and value ~= default and value ~= proven[name] then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

-- Is the amount that S claims of this program with its own parameters?
local function isFixedAmount(s)
  return s.value ~= nil and s.value.than == nil
end

-- ---- sentences -------------------------------------------------------------------

-- Where the numbers of S come from, as an answer may name its evidence.
local function kindOf(s)
  return s.subject.profile or "metrics"
end

-- Does the profile of KIND in VIEW count, if the answer names its evidence as NAMES?
local function isCounted(view, kind, names)
  if not names then return true end
  for _, name in ipairs(names) do
    if evidence.isMeant(name, view, kind) then return true end
  end
  return false
end

-- Does S hold in VIEW? Returns true; or false and a code of what is missing, which
-- is nil if S just doesn't hold.
local function holdsIn(s, view)
  if view.requests == 0 and s.during ~= "idle" then return false, "evidence.idle" end
  local verdict = measure.judge(s, { view })
  local number = measure.number(s, view)
  local few = number and s.subject.sampled and number.n > 0 and number.n < SAMPLES_MIN
  if verdict == "no" and few then return false, "evidence.few" end
  if verdict ~= "inconclusive" then return verdict == "yes" end
  if number.n >= SAMPLES_MIN and number.share and s.share and claim.holds(s.share, number.share) then return true end
  return false, "evidence.few"
end

-- Is S about one of the functions to blame? Any of them is right, so what is said of
-- one of them is evidence for each.
local function isAboutBlamed(s, lesson)
  for _, name in ipairs(lesson.diagnosis.where or {}) do
    if sentence.isAbout(s, name) then return true end
  end
  return false
end

-- SENTENCES with those about profiles first: a profile has the function, and a number
-- has only the lesson's word for it.
local function profilesFirst(sentences)
  local list = {}
  for _, wanted in ipairs { true, false } do
    for _, s in ipairs(sentences or {}) do
      if (s.subject.profile ~= nil) == wanted then list[#list + 1] = s end
    end
  end
  return list
end

local MORE = { ["evidence.none"] = 1, ["evidence.healthy_too"] = 2, ["evidence.params"] = 3, ["evidence.idle"] = 4,
  ["evidence.few"] = 5 }

function grounds.find(lesson, views, wanted, visit)
  local code, unusual = "evidence.none", #grounds.unusual(lesson, visit) > 0
  local function note(other)
    if other and MORE[other] > MORE[code] then code = other end
  end
  local function look(s, view)
    local holds, missing = holdsIn(s, view)
    if holds and not s.always then return true end
    if not holds and not missing and unusual and isFixedAmount(s) then missing = "evidence.params" end
    note(holds and "evidence.healthy_too" or missing)
    return false
  end
  for _, s in ipairs(profilesFirst(lesson.expect)) do
    local kind, useful = kindOf(s), s.always or sentence.isEvidence(s)
    for _, view in ipairs(useful and isAboutBlamed(s, lesson) and views or {}) do
      local has = kind == "metrics" and view.after or view.profiles[kind]
      if has and isCounted(view, kind, wanted) and look(s, view) then return true, view.id end
    end
  end
  return false, code
end

-- ---- the number ------------------------------------------------------------------

-- What the number is in this visit; nil: nobody can tell.
local function valueOf(n, lesson, visit)
  if not n.param then return #grounds.unusual(lesson, visit) == 0 and n.value or nil end
  local params = visit and visit.params or lesson.params or {}
  local value = tonumber(params[n.param])
  local c = value and claim.parse(("= %.17g%s"):format(value, n.unit))
  return c and c.low
end

-- "20ms" or "20": within the tolerance of what the lesson says?
function grounds.isRightNumber(text, lesson, visit)
  local n = lesson.diagnosis.number
  local c = n and text and claim.parseNumber(text)
  local wanted = c and valueOf(n, lesson, visit)
  if not wanted or c.unit and c.unit ~= n.kind then return false end
  local value = c.low
  if not c.unit and n.unit ~= "" then
    local with = claim.parse(("= %s%s"):format(c.low, n.unit))
    value = with and with.low or value
  end
  return math.abs(value - wanted) <= n.tolerance * math.abs(wanted)
end

-- ---- what would show it ----------------------------------------------------------

local NAMES = { cpu = "a CPU profile", ["heap.alloc_space"] = "a heap or allocs profile",
  ["heap.alloc_objects"] = "a heap or allocs profile" }
local WHEN = { idle = " taken while nobody asks for anything" }

local function nameOf(s)
  local subject = s.subject
  if subject.memstats then return "/debug/vars" end
  if not subject.profile then return "/metrics" end
  return NAMES[subject.profile] or NAMES[("%s.%s"):format(subject.profile, subject.type)]
    or ("a %s profile"):format(subject.profile)
end

function grounds.isNumbersOnly(lesson)
  for _, s in ipairs(faults.evidence(lesson, sentence)) do
    if s.subject.profile then return false end
  end
  return true
end

-- Only who has named the class and the function is told this: so it gives nothing
-- away.
function grounds.kinds(lesson)
  local names, known = {}, {}
  for _, s in ipairs(profilesFirst(faults.evidence(lesson, sentence))) do
    local name = nameOf(s) .. (WHEN[s.during] or "")
    if not known[name] then names[#names + 1] = name end
    known[name] = true
  end
  if #names == 0 then return nil end
  local last = table.remove(names)
  return (#names > 0 and table.concat(names, ", ") .. " or " or "") .. last
end

return grounds
