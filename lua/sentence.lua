-- SPDX-License-Identifier: MIT
-- Sentences of a lesson, and the loads under which they hold: their form.
--
-- sentence.lua(fields, claim.lua's result) -> sentence
-- sentence.load, sentence.read: checks for fields.lua
-- sentence.alone(load) -> load
-- sentence.isEvidence(s), sentence.isAbout(s, name)

local fields, claim = ...
local sentence = {}

local at, complain, complainUnknown = fields.at, fields.complain, fields.complainUnknown
local sortedKeys, text, flag = fields.sortedKeys, fields.text, fields.flag
local count, positive = fields.count, fields.positive
local words, tags, object = fields.words, fields.tags, fields.object

-- ---- load ----------------------------------------------------------------------

-- { requests or seconds, clients, rate, path, method, body, timeout, first, beside }:
-- how students' requests are imitated. Without requests or seconds: one request.
local loadShape
local function load(v)
  local out = object(v, loadShape, "key of a load")
  if not out then return nil end
  if out.requests and out.seconds then
    at("seconds", complain, "load", "a load has requests or seconds, not both")
  elseif not out.seconds then
    out.requests = out.requests or 1
  end
  out.clients = out.clients or 1
  out.path = out.path or "/"
  out.method = out.method or "GET"
  out.timeout = out.timeout or 10
  return out
end

local METHODS = { GET = true, HEAD = true, POST = true, PUT = true, DELETE = true, PATCH = true, OPTIONS = true }

local function method(v)
  if METHODS[v] then return v end
  complainUnknown("type", "method", tostring(v), METHODS)
end

local function requestPath(v)
  if type(v) == "string" and v:find("^/%S*$") then return v end
  complain("type", "must be like '/report?n={n}': it begins with a /")
end

-- As src/load/plan.c has it.
local function rate(v)
  if type(v) == "number" and v > 0 and v <= 1e6 then return v end
  complain("type", "must be a number above 0, and at most 1000000")
end

-- A load within a load: it may go on until the main one ends.
local function innerLoad(v)
  local out = load(v)
  if out and (out.first or out.beside) then complain("load", "has a load within a load within a load") end
  if out and type(v) == "table" and not v.requests and not v.seconds then out.requests = nil end
  return out
end

loadShape = {
  requests = count(1, 1000000), seconds = positive, clients = count(1, 1000), rate = rate,
  path = requestPath, method = method, body = text, timeout = positive,
  first = innerLoad, beside = innerLoad,
}

-- LOAD as one client sends it who has the program for himself; nil: LOAD is that.
function sentence.alone(v)
  if v.clients == 1 and not v.rate and not v.beside then return nil end
  local out = {}
  for key, value in pairs(v) do out[key] = value end
  out.clients, out.rate, out.beside = 1, nil, nil
  return out
end

-- ---- sentences -----------------------------------------------------------------

-- Profiles by name: the sample types that a sentence may be about, the first one
-- where it names none; "sampled" where not each event is in it.
local PROFILES = {
  cpu = { "cpu", sampled = true, unit = "seconds" },
  wall = { "time", sampled = true, unit = "seconds" },
  heap = { "inuse_space", "inuse_objects", "alloc_space", "alloc_objects", sampled = true, named = true },
  block = { "delay", "contentions", named = true },
  mutex = { "delay", "contentions", named = true },
  goroutine = { "goroutine" },
  goroutineleak = { "goroutineleak" },
  threadcreate = { "threadcreate" },
  ["lab.OpenFiles"] = { "lab.OpenFiles" },
}
sentence.profiles = PROFILES

local UNIT_OF_TYPE = {
  cpu = "seconds", time = "seconds", delay = "seconds", inuse_space = "bytes", alloc_space = "bytes",
}

local function knownProfiles()
  local known = {}
  for name, types in pairs(PROFILES) do
    for _, kind in ipairs(types) do known[types.named and name .. "." .. kind or name] = true end
  end
  return known
end

-- Is V as the names of a scenario's own profiles are (lab.profile)? They have a
-- dot, as Go asks for; those of the lab that have one begin with "lab.".
local function isOwnProfile(v) return v:find("^%a[%w_-]*%.[%w_-]") and not v:find("^lab%.") end

-- "heap.inuse_space" -> { profile = "heap", type = "inuse_space", ... }
local function profile(v)
  if type(v) ~= "string" then return text(v) end
  local name, kind = v, nil
  if not PROFILES[v] then
    local head, tail = v:match("^(.*)%.([%w_]+)$")
    if head and PROFILES[head] then name, kind = head, tail end
  end
  local types = PROFILES[name]
  if not types and not isOwnProfile(v) then return complainUnknown("profile", "profile", v, knownProfiles()) end
  if types and types.named and not kind then
    return complain("profile", "'%s' has several kinds of values: say which, like '%s.%s'", v, v, types[1])
  end
  for _, known in ipairs(types or {}) do
    if known == (kind or types[1]) then
      return { profile = name, type = known, sampled = types.sampled, unit = UNIT_OF_TYPE[known] }
    end
  end
  if not types then return { profile = v, type = v } end
  complainUnknown("profile", "profile", v, knownProfiles())
end

-- 'name{state="x"}' -> { metric = "name", labels = { state = "x" } }
local function metric(v)
  if type(v) ~= "string" then return text(v) end
  local name, rest = v:match("^([%a_:][%w_:]*)(.*)$")
  if not name then return complain("metric", "must be a name of /metrics, such as process_open_fds") end
  local labels = {}
  if rest ~= "" then
    local inner = rest:match("^{(.*)}$")
    if not inner then return complain("metric", 'labels are written as in /metrics: name{state="x"}') end
    for key, value in inner:gmatch('([%a_][%w_]*)="([^"]*)"') do labels[key] = value end
    if next(labels) == nil then return complain("metric", 'labels are written as in /metrics: name{state="x"}') end
  end
  local unit = name:find("_seconds") and "seconds" or name:find("_bytes") and "bytes" or nil
  return { metric = name, labels = labels, unit = unit }
end

local MEMSTATS = {}
for name in ([[Alloc TotalAlloc Sys Lookups Mallocs Frees HeapAlloc HeapSys HeapIdle HeapInuse HeapReleased HeapObjects
  StackInuse StackSys MSpanInuse MSpanSys MCacheInuse MCacheSys BuckHashSys GCSys OtherSys NextGC LastGC PauseTotalNs
  NumGC NumForcedGC GCCPUFraction]]):gmatch("%S+") do
  MEMSTATS[name] = true
end
local NO_BYTES = { Lookups = 1, Mallocs = 1, Frees = 1, HeapObjects = 1, LastGC = 1, PauseTotalNs = 1, NumGC = 1,
  NumForcedGC = 1, GCCPUFraction = 1 }

local function memstats(v)
  if MEMSTATS[v] then return { memstats = v, unit = not NO_BYTES[v] and "bytes" or nil } end
  complainUnknown("metric", "field of MemStats", tostring(v), MEMSTATS)
end

local function oneOf(key, what, list, unit)
  local known = {}
  for name in list:gmatch("%S+") do known[name] = true end
  return function(v)
    if known[v] then return { [key] = v, unit = unit } end
    complainUnknown("type", what, tostring(v), known)
  end
end

local function choice(what, list)
  local check = oneOf("value", what, list)
  return function(v)
    local found = check(v)
    return found and found.value
  end
end

local function readClaim(v)
  local c, problem = claim.parse(v)
  if c then return c end
  complain("claim", "%s", problem)
end

local function fileLine(v)
  if type(v) == "string" and v:find("^[^/:]+%.lua:%d+$") then return v end
  complain("type", 'must be like "scenario.lua:14"')
end

-- What a sentence may be about: exactly one of these.
local SUBJECTS = {
  profile = profile, metric = metric, memstats = memstats,
  latency = oneOf("latency", "latency", "p50 p90 p99 max mean", "seconds"),
  status = oneOf("status", "status", "2xx 3xx 4xx 5xx none"),
  cpu_time = function(v)
    if v == true then return { cpu_time = true, unit = "seconds" } end
    complain("type", "is written as cpu_time = true")
  end,
}

local NARROWING = { under = words, top = text, leaf = text, line = fileLine, tag = tags, absent = text, of = text,
  all = flag }

local sentenceShape = {
  about = words, during = choice("time", "load enter idle left"), at = choice("moment", "end load"), load = load,
  always = flag, share = readClaim, value = readClaim,
}
for key, check in pairs(SUBJECTS) do sentenceShape[key] = check end
for key, check in pairs(NARROWING) do sentenceShape[key] = check end

local function findSubject(v)
  local found
  for key in pairs(SUBJECTS) do
    if v[key] ~= nil then
      if found then
        complain("sentence", "is about %s and %s: a sentence is about one thing", math.min(found, key) or found, key)
        return nil
      end
      found = key
    end
  end
  if not found then
    complain("sentence", "says nothing: it needs one of %s", table.concat(sortedKeys(SUBJECTS), ", "))
  end
  return found
end

local function checkShare(c, subject)
  if not c then return end
  if c.per or c.than or c.unit then
    complain("claim", "is a part of the whole, from 0 to 1: without a unit, 'per' and 'x'")
  elseif (c.low > 1 or c.high > 1) and c.high ~= math.huge or c.low > 1 then
    complain("claim", "is above 1: a share is a part of the whole, from 0 to 1")
  elseif subject ~= "profile" and subject ~= "status" then
    complain("claim", "only a profile or a status has shares; say value = ...")
  end
end

local UNIT_EXAMPLE = { bytes = "10MB", seconds = "10ms" }

local function checkValue(c, subject)
  if not c then return end
  if subject.unit and not c.unit and not c.than and c.low ~= 0 and c.high ~= 0 then
    complain("claim", "needs a unit, as in %s", UNIT_EXAMPLE[subject.unit])
  elseif c.unit and c.unit ~= subject.unit then
    complain("claim", "is a number of %s, but the sentence is about %s", c.unit, subject.unit or "a plain number")
  elseif (c.than == "p50" or c.than == "alone") and not subject.latency then
    complain("claim", "only latencies can be compared with %s", c.than)
  elseif c.per and subject.latency then
    complain("claim", "is per %s, but a latency is that of one request already", c.per)
  elseif subject.status then
    complain("claim", "a status has a share, not a value")
  end
end

-- What a profile says was recorded for some time, or since the load began.
local function isOfTime(subject)
  return subject.type == "cpu" or subject.type == "time" or subject.type == "delay" or subject.type == "contentions"
    or subject.type ~= nil and subject.type:find("^alloc_") ~= nil
end

-- Only what is a number at each moment can be looked at in one.
local function checkAt(moment, s)
  local subject = s.subject
  if not moment or s.during ~= "load" and moment == "load" then return end -- that is checkMoment's
  if subject.profile and not isOfTime(subject) or subject.metric or subject.memstats then return end
  complain("sentence", "what it is about is of all the time that the load takes, and not of a moment: no at = \"%s\"",
    moment)
end

-- Beside the load nobody asks for anything, and a step that was left has no stacks.
local function checkMoment(s, name)
  if s.during == "load" then return end
  if name == "latency" or name == "status" then
    complain("sentence", "nothing is asked for then: a %s can't be during = \"%s\"", name, s.during)
  elseif s.during == "left" and name == "profile" then
    complain("sentence", "a step that was left is in no profile, which the proof looks at by itself: say a metric")
  elseif s.at == "load" then
    complain("sentence", "the load runs at another time: no at = \"load\" with during = \"%s\"", s.during)
  elseif s.during == "enter" and s.value and s.value.per == "request" then
    complain("sentence", "the load runs later: no \"per request\" with during = \"enter\"")
  end
end

-- One sentence of `expect` or `keeps`, as a table:
--   subject       { profile, type, sampled } | { metric, labels } | { memstats } |
--                 { latency } | { status } | { cpu_time }, each with its unit
--   under, about  lists; top, leaf, line, absent, of: text; tag: table; all: true
--   share, value  claims; one of them at least
--   during, at, load, always
--   path          where it stands: { "expect", 2 }
--   text          the sentence, for messages
function sentence.read(v)
  if type(v) ~= "table" then
    complain("type", 'must be like { profile = "cpu", under = "render", share = ">= 0.9" }')
    return nil
  end
  local name = findSubject(v)
  local out = object(v, sentenceShape, "key of a sentence")
  if not name or not out or not out[name] then return nil end
  out.subject, out[name] = out[name], nil
  if not v.share and not v.value then
    complain("sentence", "claims nothing: it needs share = ... or value = ...")
    return nil
  end
  if v.share then at("share", checkShare, out.share, name) end
  if v.value then at("value", checkValue, out.value, out.subject) end
  if name ~= "profile" then
    for key in pairs(NARROWING) do
      if v[key] ~= nil then
        at(key, complain, "sentence", "only profiles have stacks: it says nothing about a %s", name)
      end
    end
  end
  out.during = out.during or "load"
  at("at", checkAt, out.at, out)
  at("during", checkMoment, out, name)
  out.path = fields.path()
  out.text = sentence.describe(out)
  return out
end

local function quoteList(list) return table.concat(list, " and ") end

-- A sentence in words: "mutex.delay under updatePrice: value >= 0.5s per second".
function sentence.describe(s)
  local subject, parts = s.subject, {}
  if subject.profile then
    local named = PROFILES[subject.profile] and PROFILES[subject.profile].named
    parts[1] = named and subject.profile .. "." .. subject.type or subject.profile
  elseif subject.metric then
    local labels = {}
    for _, key in ipairs(sortedKeys(subject.labels)) do
      labels[#labels + 1] = ('%s="%s"'):format(key, subject.labels[key])
    end
    parts[1] = subject.metric .. (#labels > 0 and "{" .. table.concat(labels, ",") .. "}" or "")
  elseif subject.cpu_time then
    parts[1] = "CPU time"
  else
    parts[1] = subject.memstats or subject.latency and "latency " .. subject.latency or "status " .. subject.status
  end
  if s.under then parts[#parts + 1] = "under " .. quoteList(s.under) end
  for _, key in ipairs { "top", "leaf", "line", "absent", "of" } do
    if s[key] then parts[#parts + 1] = key .. " " .. s[key] end
  end
  for _, key in ipairs(sortedKeys(s.tag or {})) do parts[#parts + 1] = ("with %s=%s"):format(key, s.tag[key]) end
  if s.during and s.during ~= "load" then parts[#parts + 1] = "(" .. s.during .. ")" end
  local claims = {}
  if s.share then claims[#claims + 1] = "share " .. s.share.text end
  if s.value then claims[#claims + 1] = "value " .. s.value.text end
  return table.concat(parts, " ") .. ": " .. table.concat(claims, ", ")
end

-- ---- answers -------------------------------------------------------------------

-- Can a student's own capture show that S holds? Captures come after the step was
-- entered and before it is left, and there is nothing to compare them with.
function sentence.isEvidence(s)
  local than = s.value and s.value.than
  if s.during == "enter" or s.during == "left" then return false end
  return not s.always and than ~= "fixed" and than ~= "baseline" and not s.subject.latency and not s.subject.status
end

-- Is S about the function NAME?
function sentence.isAbout(s, name)
  return fields.names(s.under, name) or fields.names(s.about, name) or fields.names({ s.top or s.of, s.of }, name)
end

sentence.load = load
sentence.shapes = { load = loadShape, sentence = sentenceShape } -- the references are compared with them

return sentence
