-- SPDX-License-Identifier: MIT
-- The judgement of a diagnosis, on what its author has seen.
--
-- judge.lua(host, parts) -> judge      parts: classes, claim, check, measure
-- judge.answer(answer, lesson, seen) -> result
--
-- answer: { hypotheses = { { class, where } ... 3 at most }, evidence = { kinds } or
--   nil for all, number = text, ruled_out = { { class, evidence = kind } ... } }
-- seen: as of visit.lua, with those profiles that its author took
-- result: { verdict, score, code, feedback, grounded, parts = { class, where,
--   evidence, ruled_out } }. The verdict is "solved", "partial", "wrong" or
--   "invalid" (it can't be judged, and costs no try).
--
-- The feedback never names the answer.

local host, parts = ...
local classes, claim, check, measure = parts.classes, parts.claim, parts.check, parts.measure
local judge = {}

local POINTS = { class = 30, family = 15, where = 35, victim = 10, evidence = 25, ruled_out = 10 }
local UNGROUNDED_MAX = 60 -- points without evidence
local PARTIAL = 30 -- points from which an answer is partly right
local GUILTY_SHARE = 0.05 -- of the stacks with the function to blame: less is an accident
local SAMPLES_MIN = 30

judge.feedback = {
  solved = "That's it.",
  ["class.family"] = "The family is right, the kind isn't: what exactly happens there?",
  ["class.other"] = "Something else is wrong: which resource is used up, and by what?",
  ["where.victim"] = "That one suffers; who makes it wait?",
  ["where.caller"] = "It is on the way: the cause is further inside, in something that this one calls.",
  ["where.callee"] = "It only does what it is asked to: who asks for it?",
  ["where.machinery"] = "That is Lua's or the lab's own code: which function of the program calls it?",
  ["where.entry"] = "Every request passes there: go further inside.",
  ["where.elsewhere"] = "Your own profiles don't connect this one with the symptom.",
  ["where.unknown"] = "No profile that you took has this function: names are taken from what you see.",
  ["evidence.none"] = "None of your captures speaks about this function: which profile would show it?",
  ["evidence.idle"] = "Your captures were taken while nothing ran: take them while requests are under way.",
  ["evidence.few"] = "There are too few samples to tell: take the profile for longer, or under more load.",
  ["answer.empty"] = "There is no answer: it needs a class and a function.",
  ["answer.class"] = "There is no such class",
}

-- ---- stacks ----------------------------------------------------------------------

local ENTRIES = { request = true, enter = true, leave = true }

local function isEntry(name)
  return ENTRIES[name] or name:find("^routes") ~= nil or name:find('^%["?/') ~= nil
end
judge.isEntry = isEntry

-- "counter.countRequest.func1" -> "countRequest"
local function plainName(name, slug)
  if name:sub(1, #slug + 1) == slug .. "." then name = name:sub(#slug + 2) end
  return (name:gsub("%.func%d+.*$", ""))
end
judge.plainName = plainName

local function indexOf(list, name)
  for i, item in ipairs(list) do
    if item == name then return i end
  end
end

local KINDS = { { "cpu", "cpu" }, { "wall", "time" }, { "goroutine", "goroutine" }, { "heap", "inuse_space" },
  { "heap.alloc", "alloc_space" }, { "block", "delay" }, { "mutex", "delay" }, { "lab.OpenFiles", "lab.OpenFiles" } }

-- profile -> type -> its stacks: many answers are judged on the same profiles.
local stacksOf = setmetatable({}, { __mode = "k" })

local function stacks(p, slug, type)
  local known = stacksOf[p] or {}
  stacksOf[p] = known
  known[type] = known[type] or p:stacks { scenario = slug, type = type }
  return known[type]
end
judge.stacks = stacks

-- The stacks with the function to blame that carry weight, each a list of names,
-- the innermost first.
local function guiltyStacks(where, seen)
  local guilty = {}
  for _, kind in ipairs(KINDS) do
    local p = seen.profiles[kind[1]]
    if p then
      local total, with = 0, {}
      for _, stack in ipairs(stacks(p, seen.slug, kind[2])) do
        for _, name in ipairs(where) do
          if indexOf(stack, name) then
            with[#with + 1] = stack
            total = total + stack.weight
            break
          end
        end
      end
      for _, stack in ipairs(with) do
        if stack.weight >= GUILTY_SHARE * total then guilty[#guilty + 1] = stack end
      end
    end
  end
  return guilty
end

local function isCaptured(name, seen)
  for _, p in pairs(seen.profiles) do
    if p:has_function(name) or p:has_function(seen.slug .. "." .. name) then return true end
  end
  return false
end

-- Where NAME is, seen from the function to blame: a code, and how many calls lie
-- between, if it is on a guilty stack.
local function placeOf(name, lesson, seen)
  local where = lesson.diagnosis.where or {}
  local plain = plainName(name, seen.slug)
  if indexOf(where, plain) then return "right", 0 end
  local best, code
  for _, stack in ipairs(guiltyStacks(where, seen)) do
    local mine = indexOf(stack, plain)
    for _, blamed in ipairs(where) do
      local its = mine and indexOf(stack, blamed)
      if its and (not best or math.abs(mine - its) < best) then
        best, code = math.abs(mine - its), mine > its and "where.caller" or "where.callee"
      end
    end
  end
  if indexOf(lesson.diagnosis.victims or {}, plain) then return "where.victim", best end
  if best and isEntry(plain) then return "where.entry", best end
  if best then return code, best end
  if not isCaptured(plain, seen) then return "where.unknown" end
  if isEntry(plain) then return "where.entry" end
  for _, p in pairs(seen.profiles) do
    if p:has_function(seen.slug .. "." .. plain) then return "where.elsewhere" end
  end
  return "where.machinery"
end

-- ---- evidence --------------------------------------------------------------------

local function kindOf(s)
  local subject = s.subject
  if not subject.profile then return "metrics" end
  return subject.profile
end

-- Does a sentence about NAME hold in what was seen? Returns true, or false and a
-- code of what is missing.
local function isGrounded(name, lesson, seen, wanted)
  local code = "evidence.none"
  for _, s in ipairs(lesson.expect or {}) do
    local kind = kindOf(s)
    local has = kind == "metrics" and seen.after or seen.profiles[kind]
    if check.isAbout(s, name) and check.isEvidence(s) and has and (not wanted or indexOf(wanted, kind)) then
      if seen.requests == 0 then return false, "evidence.idle" end
      local verdict = measure.judge(s, { seen })
      if verdict == "yes" then return true end
      if verdict == "inconclusive" then
        local number = measure.number(s, seen)
        if number.n >= SAMPLES_MIN and number.share and claim.holds(s.share, number.share) then return true end
        code = "evidence.few"
      end
    end
  end
  return false, code
end

-- "20ms" or "20": within the tolerance of what the lesson says?
local function isRightNumber(text, lesson)
  local n = lesson.diagnosis.number
  local c = n and text and claim.parse("= " .. text:gsub("^%s*=?%s*", ""))
  if not c then return false end
  local value = c.low
  if not c.unit and n.unit ~= "" then
    local with = claim.parse(("= %s%s"):format(c.low, n.unit))
    value = with and with.low or value
  end
  return math.abs(value - n.value) <= n.tolerance * math.abs(n.value)
end

-- Does a capture of KIND speak against the family of CLASS?
local function speaksAgainst(class, kind, seen)
  local family = classes.family(class)
  local p = seen.profiles[kind]
  if not p or not seen.requests or seen.requests == 0 then return false end
  local function whole(type) return p:sum({ scenario = seen.slug, only_scenario = true, type = type }).whole end
  if family == "cpu" and kind == "cpu" then return whole("cpu") / 1e9 < 0.3 * seen.elapsed end
  if (family == "memory" or family == "gc") and kind == "heap" then
    return whole("inuse_space") < 1e6 and whole("alloc_space") / seen.requests < 1e6
  end
  if family == "wait" and (kind == "block" or kind == "mutex") then
    return whole("delay") / 1e9 < 0.3 * seen.elapsed
  end
  if family == "leak" and kind == "goroutine" then return whole("goroutine") < 0.1 * seen.requests end
  if family == "leak" and kind == "lab.OpenFiles" then return whole("lab.OpenFiles") < 0.1 * seen.requests end
  return false
end

-- ---- the whole -------------------------------------------------------------------

local function invalid(code, text)
  return { verdict = "invalid", score = 0, code = code, feedback = text or judge.feedback[code], grounded = false,
    parts = {} }
end

local function findInvalid(answer)
  local list = answer.hypotheses or {}
  if #list == 0 or not list[1].class then return invalid("answer.empty") end
  for _, h in ipairs(list) do
    if not classes.known[h.class] then
      return invalid("answer.class", ("%s: '%s'%s"):format(judge.feedback["answer.class"], tostring(h.class),
        host.did_you_mean(tostring(h.class), classes.known)))
    end
    local named = type(h.where) == "string" and h.where:find("%S")
    if h.class ~= "none" and not named then return invalid("answer.empty") end
  end
end

local function pointsForClass(class, lesson)
  local right = lesson.diagnosis.class
  if indexOf(right, class) then return POINTS.class end
  for _, name in ipairs(right) do
    if classes.family(name) == classes.family(class) then return POINTS.family, "class.family" end
  end
  return 0, "class.other"
end

local function pointsForRuledOut(answer, lesson, seen)
  for _, item in ipairs(answer.ruled_out or {}) do
    local other = classes.known[item.class]
    for _, name in ipairs(lesson.diagnosis.class) do
      other = other and classes.family(name) ~= classes.family(item.class)
    end
    if other and item.evidence and speaksAgainst(item.class, item.evidence, seen) then return POINTS.ruled_out end
  end
  return 0
end

local function scoreHealthy(h, lesson, seen)
  local points = pointsForClass(h.class, lesson)
  local took = next(seen.profiles) ~= nil and seen.requests > 0
  local solved = points == POINTS.class and took
  return { verdict = solved and "solved" or "wrong", score = solved and 100 or 0, grounded = took,
    code = solved and "solved" or points < POINTS.class and "class.other" or "evidence.idle",
    parts = { class = points } }
end

local function scoreHypothesis(h, answer, lesson, seen)
  if lesson.diagnosis.class[1] == "none" or h.class == "none" then return scoreHealthy(h, lesson, seen) end
  local points, classCode = pointsForClass(h.class, lesson)
  local place, hops = placeOf(h.where, lesson, seen)
  if place == "where.unknown" then return invalid(place) end
  local where = place == "right" and POINTS.where or place == "where.victim" and POINTS.victim
    or hops and place ~= "where.entry" and math.floor(POINTS.where / (1 + hops) + 0.5) or 0
  local grounded, evidenceCode = false, nil
  if place == "right" then
    grounded, evidenceCode = isGrounded(plainName(h.where, seen.slug), lesson, seen, answer.evidence)
    grounded = grounded or isRightNumber(answer.number, lesson)
  end
  local result = { grounded = grounded, parts = { class = points, where = where,
    evidence = grounded and POINTS.evidence or 0, ruled_out = pointsForRuledOut(answer, lesson, seen) } }
  local sum = points + where + result.parts.evidence + result.parts.ruled_out
  result.score = grounded and sum or math.min(sum, UNGROUNDED_MAX)
  local solved = points == POINTS.class and place == "right" and grounded
  result.verdict = solved and "solved" or result.score >= PARTIAL and "partial" or "wrong"
  result.code = solved and "solved" or place ~= "right" and place or classCode or evidenceCode
  return result
end

function judge.answer(answer, lesson, seen)
  local wrong = findInvalid(answer)
  if wrong then return wrong end
  local result
  for rank = 1, math.min(3, #answer.hypotheses) do
    local scored = scoreHypothesis(answer.hypotheses[rank], answer, lesson, seen)
    if rank > 1 and scored.verdict == "solved" then scored.verdict = "partial" end
    if not result or scored.score > result.score then result = scored end
    if rank == 1 and scored.verdict == "solved" then break end
  end
  result.feedback = result.feedback or judge.feedback[result.code]
  return result
end

return judge
