-- SPDX-License-Identifier: MIT
-- What a sentence says of a visit: its numbers, and whether its claims hold.
--
-- measure.lua(host, parts) -> measure     parts: claim
-- measure.number(sentence, seen) -> { share, value, n, whole } or nil: nothing to see
-- measure.judge(sentence, visits, others) -> verdict, what was seen
--
-- A verdict is claim.lua's: yes, no, empty, inconclusive. OTHERS are the visits of
-- the repaired program, of the baseline or of one client, for claims that compare.

local _, parts = ...
local claim = parts.claim
local measure = {}

local NANOSECONDS = { cpu = true, time = true, delay = true }

-- ---- one number ------------------------------------------------------------------

local function filterOf(s, seen)
  local key, value = next(s.tag or {})
  return {
    scenario = seen.slug, only_scenario = not s.all, tag_key = key, tag_value = value, of = s.of, under = s.under,
    top = s.top, leaf = s.leaf, line = s.line, absent = s.absent, type = s.subject.type,
  }
end
measure.filterOf = filterOf

-- What else of a visit a sentence may be about.
local PART = { enter = "entering", idle = "idle" }

-- The profiles that S is about: one, or several looks.
local function profilesOf(s, seen)
  local kind = s.subject.profile
  if s.during ~= "load" then
    seen = seen[PART[s.during]]
    if not seen then return {} end
  end
  if s.at == "load" then return seen.looks and seen.looks[kind] or {} end
  if kind == "heap" and s.subject.type:find("^alloc") then return { seen.profiles["heap.alloc"] } end
  return { seen.profiles[kind] }
end
measure.profilesOf = profilesOf

local function ofProfile(s, seen)
  local list = profilesOf(s, seen)
  if #list == 0 then return nil end
  local whole, part, n = 0, 0, 0
  for _, p in ipairs(list) do
    local sum = p:sum(filterOf(s, seen))
    whole, part, n = whole + sum.whole, part + sum.part, n + sum.n
  end
  local scale = (NANOSECONDS[s.subject.type] and 1e-9 or 1) / #list
  return { share = whole > 0 and part / whole or nil, value = part * scale, whole = whole * scale, n = n }
end

local function sumMetric(metrics, subject)
  local sum, found = 0, false
  for name, value in pairs(metrics) do
    local base, labels = name:match("^([^{]+)(.*)$")
    local fits = base == subject.metric
    for key, wanted in pairs(subject.labels) do
      fits = fits and labels:find(('%s="%s"'):format(key, wanted), 1, true)
    end
    if fits then sum, found = sum + value, true end
  end
  return found and sum or nil
end

local function numbersAt(s, seen)
  local part = PART[s.during]
  if part then return (seen[part] or {}).before, (seen[part] or {}).after end
  if s.during == "left" then return seen.before, seen.gone end
  return seen.before, seen.after
end

local function readNumber(s, numbers)
  if s.subject.metric then return sumMetric(numbers.metrics, s.subject) end
  return numbers.memstats[s.subject.memstats]
end

-- The mean of the looks while the load ran; a number that isn't there yet is 0.
local function meanOfLooks(s, seen)
  local looks = seen.looks and seen.looks[s.subject.metric and "metrics" or "memstats"] or {}
  local sum, found = 0, false
  for _, numbers in ipairs(looks) do
    local x = readNumber(s, numbers)
    sum, found = sum + (x or 0), found or x ~= nil
  end
  return found and { value = sum / #looks, n = math.huge } or nil
end

-- A counter that isn't there before its first count is 0 then.
local function ofNumbers(s, seen)
  if s.at == "load" then return meanOfLooks(s, seen) end
  local from, to = numbersAt(s, seen)
  if not to or not from and s.at ~= "end" then return nil end
  local a, b = from and readNumber(s, from), readNumber(s, to)
  if not b then return nil end
  return { value = b - (s.at == "end" and 0 or a or 0), n = math.huge }
end

function measure.number(s, seen)
  local subject = s.subject
  if subject.profile then return ofProfile(s, seen) end
  if subject.metric or subject.memstats then return ofNumbers(s, seen) end
  if subject.latency then
    local value = seen.latency[subject.latency]
    return value and { value = value, n = seen.requests }
  elseif subject.status then
    return seen.requests > 0 and { share = (seen.statuses[subject.status] or 0) / seen.requests, n = math.huge } or nil
  end
  local name = "process_cpu_seconds_total"
  local from, to = numbersAt(s, seen)
  local a, b = from and from.metrics[name], to and to.metrics[name]
  return a and b and { value = b - a, n = math.huge }
end

-- VALUE as claim C counts it: per request, per second, in p50s.
local function scale(c, value, seen)
  if c.per == "request" then value = value / math.max(1, seen.requests) end
  if c.per == "second" then value = value / math.max(1e-9, seen.elapsed) end
  if c.than == "p50" then value = value / math.max(1e-9, seen.latency.p50 or 0) end
  return value
end
measure.scale = scale

-- ---- the verdict -----------------------------------------------------------------

local OTHERS = { fixed = true, baseline = true, alone = true } -- what they are the visits of

local UNITS = { bytes = { { 1e9, "GB" }, { 1e6, "MB" }, { 1e3, "kB" }, { 1, "B" } },
  seconds = { { 1, "s" }, { 1e-3, "ms" }, { 1e-6, "us" }, { 1e-9, "ns" } } }

-- A number for people: 12.3MB, 4.5ms.
function measure.show(x, unit)
  for _, step in ipairs(UNITS[unit] or {}) do
    if math.abs(x) >= step[1] then return ("%.3g%s"):format(x / step[1], step[2]) end
  end
  return ("%.4g"):format(x) .. (UNITS[unit] and x ~= 0 and (unit == "bytes" and "B" or "s") or "")
end

local function collect(s, key, visits, c)
  local values, n = {}, 0
  for _, seen in ipairs(visits) do
    local number = measure.number(s, seen)
    local x = number and number[key]
    if x then
      values[#values + 1] = key == "value" and scale(c, x, seen[PART[s.during]] or seen) or x
      n = n + number.n
    end
  end
  return values, n
end

local function judgeShare(s, visits)
  local c = s.share
  local shares, n = collect(s, "share", visits, c)
  if #shares == 0 then return "empty", "share: there is nothing" end
  local share = claim.median(shares)
  local text = ("share %.3f"):format(share)
  if n < 1e6 then text = text .. (" of %d samples"):format(math.floor(n)) end
  local verdict = claim.judgeShare(c, share, n)
  if verdict == "inconclusive" then
    local needed = claim.needed(c, share)
    if needed then text = text .. (", %d needed"):format(needed) end
  end
  return verdict, text
end

local function judgeRatio(s, values, others)
  local c = s.value
  local theirs = collect(s, "value", others, c)
  local verdict, median, least, most = claim.judgeRatios(c, values, theirs)
  if not median then return verdict, "value: nothing to compare with" end
  return verdict, ("value %.3g x %s (%.3g to %.3g)"):format(median, c.than, least, most)
end

local function judgeValue(s, visits, others)
  local c = s.value
  local values = collect(s, "value", visits, c)
  if #values == 0 then return "empty", "value: there is nothing" end
  if OTHERS[c.than] then return judgeRatio(s, values, others or {}) end
  local unit = c.than == nil and (s.subject.unit or c.unit) or nil
  local text = "value " .. measure.show(claim.median(values), unit)
  if #values > 1 then
    text = text .. (" (%s to %s)"):format(measure.show(math.min(table.unpack(values)), unit),
      measure.show(math.max(table.unpack(values)), unit))
  end
  if c.per then text = text .. " per " .. c.per end
  return claim.judgeValues(c, values), text
end

local ORDER = { "empty", "no", "inconclusive", "yes" } -- the first that one of two says is both's

-- Does S hold in VISITS? Returns the verdict and what was seen, in words.
function measure.judge(s, visits, others)
  local verdicts, texts = {}, {}
  if s.share then
    local verdict, text = judgeShare(s, visits)
    verdicts[verdict], texts[1] = true, text
  end
  if s.value then
    local verdict, text = judgeValue(s, visits, others)
    verdicts[verdict], texts[#texts + 1] = true, text
  end
  for _, verdict in ipairs(ORDER) do
    if verdicts[verdict] then return verdict, table.concat(texts, ", ") end
  end
end

return measure
