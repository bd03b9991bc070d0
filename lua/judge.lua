-- SPDX-License-Identifier: MIT
-- The judgement of a diagnosis, on what its author has seen: a pure function. The
-- lab judges students' answers by it, `diaglab test` those in answers/.
--
-- judge.lua(host, parts) -> judge      parts: against, classes,
--   evidence, faults, feedback, fields, grounds
-- judge.answer(answer, lesson, views, others, visit) -> result
--
-- answer: { hypotheses = { { class, where } ... 3 at most }, evidence = { kinds or
--   ids of views } or nil for all, number = text, ruled_out = { { class,
--   evidence = kind or id } ... } }
-- views: what its author has seen, a list. Each is what a visit has seen
--   (visit.lua), with those profiles that its author took; a capture (captures.lua)
--   is one, too, and has an `id` and one profile. Without any profile a view has
--   nothing to show.
-- others: captures that aren't looked at, as of evidence.lua; or nil
-- visit: { params, defaults } of the step, as of grounds.lua, and its slug; or nil
-- result: { verdict, score, code, feedback, grounded, by = the id of the capture
--   that shows it, by_second = that of the second fault, if the lesson has two
--   (faults.lua), parts = { class, where, evidence, ruled_out },
--   ruled_out_why = why what the answer rules out earns nothing, or nil }. The verdict is "solved",
--   "partial", "wrong" or "invalid" (it can't be judged, and costs no try).
--
-- The feedback never names the answer.

local host, parts = ...
local against, classes, evidence, faults = parts.against, parts.classes, parts.evidence, parts.faults
local fields, grounds = parts.fields, parts.grounds
local judge = {}

local POINTS = { class = 30, family = 15, where = 35, victim = 10, evidence = 25, ruled_out = 10 }
local UNGROUNDED_MAX = 60 -- points without evidence
local PARTIAL = 30 -- points from which an answer is partly right
local GUILTY_SHARE = 0.05 -- of the stacks with the function to blame: less is an accident
local CHURN = 10 -- times more was allocated than is in use
local RSS_LARGE = 100e6 -- bytes

judge.feedback = parts.feedback

-- Of these an answer has something that doesn't exist: it is to be written anew.
judge.refusals = { ["answer.empty"] = true, ["answer.class"] = true, ["evidence.unknown"] = true }

-- By these it is the captures that don't suffice. So nothing can be said yet.
local UNJUDGED = { ["evidence.idle"] = true, ["evidence.few"] = true, ["evidence.params"] = true }

-- ---- stacks ----------------------------------------------------------------------

local ENTRIES = { request = true, enter = true, leave = true, helloWorldHandler = true, doSomeBusinessLogic = true,
  routeHandler = true }

local function isEntry(name)
  name = name:gsub("#%d+$", "") -- there may be others of its name
  return ENTRIES[name:match("^main%.(.*)") or name] or name:find("^routes") ~= nil or name:find('^%["?/') ~= nil
end
judge.isEntry = isEntry

-- "countRequest.func1" -> "countRequest"
local function outerOf(name) return (name:gsub("%.func%d+.*$", "")) end

-- "counter.countRequest.func1" -> "countRequest"
local function plainName(name, slug) return outerOf(fields.ownName(name, slug) or name) end
judge.plainName = plainName

-- Is FULL one of a lesson's NAMES?
local function isOneOf(full, names)
  for _, name in ipairs(names or {}) do
    if fields.isCalled(full, outerOf(name)) then return true end
  end
  return false
end
judge.isOneOf = isOneOf

-- Where the function that a lesson calls NAME is on STACK.
local function findCalled(stack, name)
  local outer = outerOf(name)
  for i, full in ipairs(stack) do
    if fields.isCalled(full, outer) then return i end
  end
end

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

-- Adds to GUILTY the stacks of profile P with the function to blame that carry
-- weight, each a list of names, the innermost first.
local function addGuilty(where, p, slug, type, guilty)
  local total, with = 0, {}
  for _, stack in ipairs(stacks(p, slug, type)) do
    for _, name in ipairs(where) do
      if findCalled(stack, name) then
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

-- The profiles of VIEW that are the scenario's own (lab.profile), in order.
local function ownKinds(view)
  local kinds = {}
  for kind in pairs(view.profiles) do
    if kind:find(".", 1, true) and not kind:find("^lab%.") and kind ~= "heap.alloc" then kinds[#kinds + 1] = kind end
  end
  table.sort(kinds)
  return kinds
end

local function guiltyStacks(where, views)
  local guilty = {}
  for _, view in ipairs(views) do
    for _, kind in ipairs(ownKinds(view)) do addGuilty(where, view.profiles[kind], view.slug, kind, guilty) end
    for _, kind in ipairs(KINDS) do
      local p = view.profiles[kind[1]]
      if p then addGuilty(where, p, view.slug, kind[2], guilty) end
    end
  end
  return guilty
end

-- Calls CHECK(profile, view) for all profiles, until it is true.
local function anyProfile(views, check)
  for _, view in ipairs(views) do
    for _, p in pairs(view.profiles) do
      if check(p, view) then return true end
    end
  end
  return false
end

-- Has a profile the function FULL?
local function isShown(full, views)
  return anyProfile(views, function(p) return p:has_function(full) end)
end

-- "counter/store.add": it is in store.lua.
local function saysFile(name, slug) return name:sub(1, #slug + 1) == slug .. "/" end

-- Has one the step's function PLAIN, which was called NAME? If that says in which file
-- it is, it must be there: scenario.lua and a file that it includes may both have one.
local function isOwnShown(name, plain, slug, views)
  return isShown(saysFile(name, slug) and name or slug .. "." .. plain, views)
end

-- "scenario.lua:14" -> the function there, as profiles print it; or nil
local function nameOfLine(text, views)
  local found
  anyProfile(views, function(p)
    found = p:function_at(text)
    return found
  end)
  return found
end

-- Where NAME is, seen from the function to blame: a code, and how many calls lie
-- between, if it is on a guilty stack.
local function placeOf(name, lesson, views)
  if not views[1] then return "where.unknown" end
  local where = lesson.diagnosis.where or {}
  local slug = views[1].slug
  local plain = plainName(name, slug)
  local own = isOwnShown(name, plain, slug, views)
  local other = isShown(plain, views) or isShown("main." .. plain, views)
  -- First of all: else names could be tried that nobody has seen.
  if not own and not other then return isEntry(plain) and "where.entry" or "where.unknown" end
  if isOneOf(plain, where) then return "right", 0 end
  local best, code
  for _, stack in ipairs(guiltyStacks(where, views)) do
    local mine = indexOf(stack, plain)
    for _, blamed in ipairs(where) do
      local its = mine and findCalled(stack, blamed)
      if its and (not best or math.abs(mine - its) < best) then
        best, code = math.abs(mine - its), mine > its and "where.caller" or "where.callee"
      end
    end
  end
  if isOneOf(plain, lesson.diagnosis.victims) then return "where.victim", best end
  if best and isEntry(plain) then return "where.entry", best end
  if best then return code, best end
  if isEntry(plain) then return "where.entry" end
  return own and "where.elsewhere" or "where.machinery"
end

-- ---- what is often misread -------------------------------------------------------

local function anyView(views, kind, check)
  for _, view in ipairs(views) do
    if view.profiles[kind] and view.requests ~= 0 and check(view) then return true end
  end
  return false
end

-- A wrong CLASS that the student's own profiles refute, in a way that has a name.
-- FAMILY: its family is the right one, so that a profile that seems to speak
-- against the whole family comes from a machine that was busy with other programs.
local function misreading(class, family, views)
  if classes.family(class) == "cpu" and not family and anyView(views, "cpu", function(view)
    return against.speaks(class, "cpu", view)
  end) then return "cpu_for_wall" end
  if class == "memory.retained" then
    local large = false
    for _, view in ipairs(views) do
      local rss = view.after and view.after.metrics.process_resident_memory_bytes
      large = large or rss and rss > RSS_LARGE
    end
    if anyView(views, "heap", function(view)
      local inUse = math.max(1e6, against.whole(view, "heap", "inuse_space"))
      return against.whole(view, "heap", "alloc_space") > CHURN * inUse
    end) then return "alloc_for_inuse" end
    local function isLittle(view) return against.whole(view, "heap", "inuse_space") < against.LITTLE_IN_USE end
    if large and anyView(views, "heap", isLittle) then return "rss_is_no_leak" end
  end
end

-- ---- the whole -------------------------------------------------------------------

local function invalid(code, text)
  return { verdict = "invalid", score = 0, code = code, feedback = text or judge.feedback[code], grounded = false,
    parts = {} }
end

local function unknownClass(class)
  local halves = classes.halves(class)
  local meant = #halves > 1 and ("; there are %s."):format(table.concat(halves, ", "))
    or halves[1] and ("; did you mean '%s'?"):format(halves[1])
    or host.did_you_mean(tostring(class), classes.known)
  return invalid("answer.class", ("%s: '%s'%s See /lab/classes."):format(judge.feedback["answer.class"],
    tostring(class), meant ~= "" and meant or "."))
end

local function findInvalidClass(answer)
  for _, h in ipairs(answer.hypotheses) do
    if not classes.known[h.class] then return unknownClass(h.class) end
    local named = type(h.where) == "string" and h.where:find("%S")
    if h.class ~= "none" and not named then return invalid("answer.empty") end
  end
  for _, item in ipairs(answer.ruled_out or {}) do
    if not classes.known[item.class] then return unknownClass(item.class) end
  end
end

local function isId(name) return name:find("^c%d+$") ~= nil end

-- Every name that a capture has in an answer -> "own" if it is looked at; else why
-- not, as of OTHERS.
local function namesOf(views, others)
  local names = {}
  for name, why in pairs(others) do names[name] = why end
  for _, view in ipairs(views) do
    if view.after then names.metrics = "own" end
    -- A trace is named as such, and not by the profiles that it is judged by.
    for kind in pairs(view.kind ~= "trace" and view.profiles or {}) do
      names[kind ~= "heap.alloc" and kind or "heap"] = "own"
    end
    for _, name in pairs { view.id, view.kind } do names[name] = "own" end
  end
  return names
end

local function unknownCapture(name, names)
  local kinds, list = {}, {}
  for known, why in pairs(names) do kinds[known] = not isId(known) and why or nil end
  for kind in pairs(kinds) do list[#list + 1] = kind end
  table.sort(list)
  local meant = isId(name) and "" or host.did_you_mean(name, kinds)
  if meant == "" then meant = #list > 0 and ("; this visit has %s."):format(table.concat(list, ", ")) or "." end
  return invalid("evidence.unknown", ("%s: '%s'%s See /lab/captures."):format(judge.feedback["evidence.unknown"],
    name, meant))
end

-- Captures that are named must be there, and one of the evidence's must be of this
-- visit, and no trace that is too large.
local function findInvalidEvidence(answer, names)
  local named = {}
  for _, name in ipairs(answer.evidence or {}) do
    if not names[name] then return unknownCapture(name, names) end
    named[names[name]] = true
  end
  for _, item in ipairs(answer.ruled_out or {}) do
    if item.evidence and not names[item.evidence] then return unknownCapture(item.evidence, names) end
  end
  if named.own or named.many then return nil end
  return named.trace and invalid("evidence.trace") or named.visit and invalid("evidence.other_step") or nil
end

local function isBlamed(name, lesson, views, visit)
  local slug = views[1] and views[1].slug or visit.slug
  local where, plain = lesson.diagnosis.where or {}, plainName(name, slug)
  if indexOf(where, plain) and not saysFile(name, slug) then return true end
  return isOneOf(plain, where) and isOwnShown(name, plain, slug, views) -- else it could be made up
end

-- Who has captured nothing may have looked by other tools (ps, lsof, strace, gdb):
-- the number says so. Else all that is answered can only be guessed.
local function isKnownByNumber(answer, lesson, views, visit)
  local where = answer.hypotheses[1].where
  for _, fault in ipairs(where and faults.of(lesson) or {}) do
    if grounds.isRightNumber(answer.number, fault, visit) and isBlamed(where, fault, views, visit) then return true end
  end
  return false
end

local function findInvalid(answer, lesson, views, others, visit)
  local list = answer.hypotheses or {}
  if #list == 0 or not list[1].class then return invalid("answer.empty") end
  local names, seen = namesOf(views, others), false
  for _, why in pairs(names) do seen = seen or why == "own" end
  local wrong = findInvalidClass(answer) or findInvalidEvidence(answer, names)
  if wrong and (seen or wrong.code ~= "evidence.unknown") then return wrong end
  if seen or isKnownByNumber(answer, lesson, views, visit) then return nil end
  return invalid(answer.number and "where.unknown" or names.trace and "evidence.trace" or "evidence.nothing")
end

local function pointsForClass(class, lesson)
  local right = lesson.diagnosis.class
  if indexOf(right, class) then return POINTS.class end
  for _, name in ipairs(right) do
    if classes.family(name) == classes.family(class) then return POINTS.family, "class.family" end
  end
  return 0, "class.other"
end

-- Which of several captures were taken while nothing ran. Where none was, there are
-- only numbers, and somebody says that all is well.
local function describeIdle(views)
  local ids, idle = {}, 0
  for _, view in ipairs(views) do
    if view.requests == 0 then ids[#ids + 1], idle = view.id, idle + 1 end
  end
  table.sort(ids, function(a, b) return #a ~= #b and #a < #b or #a == #b and a < b end)
  if idle == 0 then return "Numbers alone don't say that all is well: take a profile while requests are under way." end
  if idle == #views or #ids == 0 then return nil end
  local many = #ids > 1
  return ("%s %s taken while nothing ran: take %s again while requests are under way."):format(
    many and table.concat(ids, ", ", 1, #ids - 1) .. " and " .. ids[#ids] or ids[1], many and "were" or "was",
    many and "them" or "it")
end

-- Somebody says that all is well, or it is. Who names a fault gets the points for each
-- part, none, and is told of functions that nobody has seen, as in other steps.
local function scoreHealthy(h, answer, lesson, views)
  if h.class ~= "none" and placeOf(h.where, lesson, views) == "where.unknown" then return invalid "where.unknown" end
  local points = pointsForClass(h.class, lesson)
  local by
  for _, view in ipairs(evidence.wanted(views, answer.evidence)) do
    if next(view.profiles) and view.requests > 0 then by = by or view end
  end
  local solved = points == POINTS.class and by ~= nil
  local idle = points == POINTS.class and not solved
  return { verdict = solved and "solved" or "wrong", score = solved and 100 or 0, grounded = solved,
    code = solved and "solved" or points < POINTS.class and (misreading(h.class, false, views) or "class.other")
      or "evidence.idle",
    feedback = idle and describeIdle(views) or nil,
    by = solved and by.id or nil,
    parts = h.class == "none" and { class = points } or { class = points, where = 0, evidence = 0, ruled_out = 0 } }
end

local function pointsForPlace(place, hops)
  if place == "right" then return POINTS.where end
  if place == "where.victim" then return POINTS.victim end
  return hops and place ~= "where.entry" and math.floor(POINTS.where / (1 + hops) + 0.5) or 0
end

-- The number that the lesson asks for, as a further sentence.
local function askNumber(answer, lesson)
  local n = lesson.diagnosis.number
  if not n then return "" end
  return (answer.number and " Your number isn't right: %s" or " Or measure it, and say number=N: %s"):format(n.question)
end

-- The feedback in words, where the code alone isn't enough.
local function feedbackFor(code, h, answer, lesson, views, visit)
  local family = classes.family(lesson.diagnosis.class[1])
  if code == "where.victim" and family == "memory" then
    return "It only made or used that memory: who decides what becomes of it?"
  elseif code == "where.victim" and family ~= "wait" then
    return "That one only bears the consequences: what brings them about?"
  elseif code == "class.family" then
    local first, second = h.class:match("^(%w+)%.(.+)$")
    return ("In %s, the word %s is right, and %s isn't: what exactly happens there? /lab/classes says what the words "
      .. "mean."):format(h.class, first, second)
  elseif code == "evidence.none" then
    local kinds = grounds.kinds(lesson)
    local who = answer.evidence and "The evidence that you name doesn't show" or "None of your captures shows"
    local what = grounds.isNumbersOnly(lesson) and "it" or "that about this function"
    local which = kinds and ("%s %s: %s would."):format(who, what, kinds)
    return (which or judge.feedback[code]) .. askNumber(answer, lesson)
  elseif code == "evidence.healthy_too" then
    local kinds = grounds.kinds(lesson)
    return kinds and ("A healthy program shows the same. What does it not have? %s would show it."):format(
      kinds:gsub("^%l", string.upper)) or nil
  elseif code == "evidence.idle" then
    return describeIdle(views)
  elseif code == "evidence.few" and #grounds.unusual(lesson, visit) > 0 then
    return ("There are too few samples to tell, and the step was entered with other parameters (%s): enter it "
      .. "without them, and take the profile for longer."):format(table.concat(grounds.unusual(lesson, visit), ", "))
  elseif code == "evidence.params" then
    return ("The step was entered with other parameters (%s), so no amount can be judged: enter it without them.")
      :format(table.concat(grounds.unusual(lesson, visit), ", "))
  end
end

-- Was all of it taken while nothing ran, though the lesson is about requests? Then
-- nothing can be said of an answer, be it right or wrong.
local function isAllIdle(lesson, views)
  for _, s in ipairs(lesson.expect or {}) do
    if s.during == "idle" then return false end
  end
  for _, view in ipairs(views) do
    if view.requests ~= 0 then return false end
  end
  return #views > 0
end

-- isOut: what the answer rules out is none of what is wrong.
local function scoreHypothesis(h, answer, lesson, isOut, views, visit)
  local idle = isAllIdle(lesson, views)
  if lesson.diagnosis.class[1] == "none" or h.class == "none" then
    return idle and invalid("evidence.idle") or scoreHealthy(h, answer, lesson, views)
  end
  local name = h.where:find("%.lua:%d+$") and nameOfLine(h.where, views) or h.where
  local shown, found = grounds.find(lesson, views, answer.evidence, visit)
  local known = shown or grounds.isRightNumber(answer.number, lesson, visit)
  -- A function that no profile shows may be named by who has seen what the lesson says
  -- about it.
  local grounded = known and isBlamed(name, lesson, views, visit)
  if idle and not grounded then return invalid("evidence.idle") end
  local place, hops = "right", 0
  if not grounded then place, hops = placeOf(name, lesson, views) end
  if place == "where.unknown" then return invalid(place) end
  -- If only the right answer were told so, it would tell which is right.
  if not known and UNJUDGED[found] then return invalid(found, feedbackFor(found, h, answer, lesson, views, visit)) end
  local points, classCode = pointsForClass(h.class, lesson)
  if classCode then classCode = misreading(h.class, points > 0, views) or classCode end
  local where = pointsForPlace(place, hops)
  local result = { grounded = grounded, by = grounded and shown and found or nil }
  result.parts = { class = points, where = where,
    evidence = grounded and POINTS.evidence or 0, ruled_out = isOut and POINTS.ruled_out or 0 }
  local sum = points + where + result.parts.evidence + result.parts.ruled_out
  result.score = math.min(100, grounded and sum or math.min(sum, UNGROUNDED_MAX))
  local solved = points == POINTS.class and place == "right" and grounded
  result.verdict = solved and "solved" or result.score >= PARTIAL and "partial" or "wrong"
  result.code = solved and "solved" or place ~= "right" and place or classCode or found
  result.feedback = feedbackFor(result.code, h, answer, lesson, views, visit)
  return result
end

-- Of all that is to blame: none of them can be ruled out.
local function familiesOf(lessons)
  local families = {}
  for _, one in ipairs(lessons) do
    for _, class in ipairs(one.diagnosis.class) do families[classes.family(class)] = true end
  end
  return families
end

function judge.answer(answer, lesson, views, others, visit)
  local wrong = findInvalid(answer, lesson, views, others or {}, visit)
  if wrong then return wrong end
  local lessons = faults.of(lesson)
  local isOut, why = against.rulesOut(answer.ruled_out, familiesOf(lessons), views, others or {})
  local function score(h, one) return scoreHypothesis(h, answer, one, isOut, views, visit) end
  local result = faults.judge(answer.hypotheses, lessons, score, judge.feedback)
  if UNJUDGED[result.code] then return invalid(result.code, result.feedback) end
  result.feedback = result.feedback or judge.feedback[result.code]
  result.ruled_out_why = why
  return result
end

return judge
