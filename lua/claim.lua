-- SPDX-License-Identifier: MIT
-- Claims: what a sentence of a lesson says of a number, such as ">= 0.9",
-- "~ 240MB per request" or ">= 5 x fixed"; and whether it holds.
--
-- A claim that was read is a table:
--   low, high     the bounds, in bytes, seconds or as a plain number; infinite
--                 where there is none
--   open          true for > and <: the bound itself is not inside
--   per           "request", "second", or nil: the number is divided by that
--   than          "fixed", "baseline", "alone", "p50", or nil: the number is a ratio to
--                 the same number there
--   unit          "bytes", "seconds", or nil for a plain number
--   text          as it was written
--
-- A judgement is "yes", "no", "empty" (there was nothing to look at) or
-- "inconclusive" (what was seen fits both).

local claim = {}

local bytes, seconds = "bytes", "seconds"
local UNITS = {
  B = { 1, bytes }, kB = { 1e3, bytes }, MB = { 1e6, bytes }, GB = { 1e9, bytes },
  KiB = { 1 << 10, bytes }, MiB = { 1 << 20, bytes }, GiB = { 1 << 30, bytes },
  ns = { 1e-9, seconds }, us = { 1e-6, seconds }, ms = { 1e-3, seconds }, s = { 1, seconds },
}
local ABOUT = 0.15 -- what ~ allows, in both directions

local FORM = 'a claim is like ">= 0.9", "~ 240MB per request", "9MB..11MB per request" or ">= 5 x fixed"'

-- ---- reading -------------------------------------------------------------------

-- A number at the beginning of TEXT, with its unit: number, unit name or "", rest.
local function takeNumber(text)
  local digits, rest = text:match("^%s*(%-?%d+)(.*)$")
  if not digits then return nil end
  local fraction = rest:match("^%.%d+") or ""
  local power = rest:sub(#fraction + 1):match("^[eE][+-]?%d+") or ""
  digits, rest = digits .. fraction .. power, rest:sub(#fraction + #power + 1)
  local unit, after = rest:match("^%s?([%a]+)(.*)$")
  if unit == "per" or unit == "x" then unit = nil end
  return tonumber(digits), unit or "", unit and after or rest
end

claim.units = "B kB MB GB KiB MiB GiB ns us ms s"

local function scaleOf(unit)
  if unit == "" then return 1, nil end
  local known = UNITS[unit]
  if not known then return nil, ("unknown unit '%s'; known are: %s"):format(unit, claim.units) end
  return known[1], known[2]
end

local BOUNDS = {
  [">="] = function(x) return x, math.huge end,
  [">"] = function(x) return x, math.huge, true end,
  ["<="] = function(x) return -math.huge, x end,
  ["<"] = function(x) return -math.huge, x, true end,
  ["="] = function(x) return x, x end,
  ["~"] = function(x)
    local a, b = x * (1 - ABOUT), x * (1 + ABOUT)
    return math.min(a, b), math.max(a, b)
  end,
}

-- "9MB..11MB", and what follows.
local function readRange(text)
  local from, fromUnit, rest = takeNumber(text)
  local after = rest and rest:match("^%s*%.%.(.*)$")
  if not after then return nil, FORM end
  local to, toUnit, tail = takeNumber(after)
  if not to then return nil, FORM end
  if fromUnit == "" then fromUnit = toUnit end
  local fromScale, unit = scaleOf(fromUnit)
  if not fromScale then return nil, unit end
  local toScale, other = scaleOf(toUnit)
  if not toScale then return nil, other end
  if unit ~= other then return nil, "the two ends of the range have different kinds of units" end
  local low, high = from * fromScale, to * toScale
  if low > high then return nil, "the range is empty: its first number is the larger one" end
  return { low = low, high = high, unit = unit }, tail
end

local function readBound(op, text)
  local number, unit, tail = takeNumber(text)
  if not number then return nil, FORM end
  local scale, kind = scaleOf(unit)
  if not scale then return nil, kind end
  local low, high, open = BOUNDS[op](number * scale)
  return { low = low, high = high, open = open, unit = kind }, tail
end

local THAN = { fixed = true, baseline = true, alone = true, p50 = true }

-- Reads TEXT. Returns the claim, or nil and what is wrong with it.
function claim.parse(text)
  if type(text) ~= "string" then return nil, FORM end
  local op, rest = text:match("^%s*([<>=~]+)(.*)$")
  if op and not BOUNDS[op] then return nil, ("unknown comparison '%s'; known are: >= <= > < = ~"):format(op) end
  local c, tail
  if op then c, tail = readBound(op, rest) else c, tail = readRange(text) end
  if not c then return nil, tail end
  c.per = tail:match("^%s*per (%a+)")
  if c.per then tail = tail:gsub("^%s*per %a+", "") end
  c.than = tail:match("^%s*x (%w+)")
  if c.than then tail = tail:gsub("^%s*x %w+", "") end
  if c.per and c.per ~= "request" and c.per ~= "second" then
    return nil, ("'per %s': it is per request or per second"):format(c.per)
  end
  if c.than and not THAN[c.than] then
    return nil, ("'x %s': a number is compared with x fixed, x baseline, x alone or x p50"):format(c.than)
  end
  if c.than and c.unit then return nil, ("'x %s' makes it a ratio, which has no unit"):format(c.than) end
  if tail:find("%S") then return nil, ("'%s' is not understood; %s"):format(tail:match("^%s*(.-)%s*$"), FORM) end
  c.text = text
  return c
end

-- Reads a number as a student writes it: "20ms", "= 10 MB per request". Returns the
-- claim that it is so much; or nil.
function claim.parseNumber(text)
  local c = claim.parse("= " .. text:gsub("^%s*[=~]?%s*", ""))
  return c and not c.than and c or nil
end

-- ---- whether it holds ------------------------------------------------------------

-- Sums of bytes and times are doubles: the last digits don't count.
local function slack(c)
  local bound = math.abs(c.low) < math.huge and c.low or c.high
  return c.open and 0 or 1e-9 + math.abs(bound) * 1e-9
end

-- Is X inside the bounds?
function claim.holds(c, x)
  if c.open then return x > c.low and x < c.high end
  local e = slack(c)
  return x >= c.low - e and x <= c.high + e
end

-- The score interval of a share that was seen in N samples, at SIGMA standard
-- deviations (E. B. Wilson, 1927).
function claim.interval(share, n, sigma)
  local z = sigma * sigma
  local center = (share + z / (2 * n)) / (1 + z / n)
  local half = sigma * math.sqrt(share * (1 - share) / n + z / (4 * n * n)) / (1 + z / n)
  return math.max(0, center - half), math.min(1, center + half)
end

-- How many samples a share P needs until its interval fits between the claim's
-- bounds, about.
function claim.needed(c, p)
  local n = 1
  while n < 1 << 20 do
    local low, high = claim.interval(p, n, 3)
    if (low >= c.low or c.low <= 0) and (high <= c.high or c.high >= 1) then return n end
    n = n + math.max(1, n // 16)
  end
end

-- A SHARE that rests on N samples (infinite: it was counted, not sampled).
function claim.judgeShare(c, share, n)
  if not share or n <= 0 then return "empty" end
  local inside = claim.holds(c, share)
  if n == math.huge then return inside and "yes" or "no" end
  local low, high = claim.interval(share, n, 3)
  if inside and (low >= c.low or c.low <= 0) and (high <= c.high or c.high >= 1) then return "yes" end
  if high < c.low or low > c.high then return "no" end
  return "inconclusive"
end

-- Numbers of several visits. What some say and others don't is inconclusive.
function claim.judgeValues(c, values)
  if #values == 0 then return "empty" end
  local yes = 0
  for _, x in ipairs(values) do yes = yes + (claim.holds(c, x) and 1 or 0) end
  if yes == #values then return "yes" end
  return yes == 0 and "no" or "inconclusive"
end

local function sortValues(values)
  local sorted = table.move(values, 1, #values, 1, {})
  table.sort(sorted)
  return sorted
end

function claim.median(values)
  local sorted = sortValues(values)
  local n = #sorted
  if n == 0 then return nil end
  return n % 2 == 1 and sorted[n // 2 + 1] or (sorted[n // 2] + sorted[n // 2 + 1]) / 2
end

local SURE = 0.75 -- what three visits that agree give

-- How many of N sorted numbers can be left out at each end, so that the median of all
-- visits that could be made still lies between the others in SURE of the cases. The
-- number of visits below that median has the binomial distribution with 1/2.
local function outliers(n)
  local k, below, ways = 0, 1, 1
  while true do
    ways = ways * (n - k) // (k + 1)
    below = below + ways
    if 1 - 2 * below / 2 ^ n < SURE then return k end
    k = k + 1
  end
end

-- The least and the largest number of VALUES that count.
local function middle(values)
  local sorted = sortValues(values)
  local k = outliers(#sorted)
  return sorted[1 + k], sorted[#sorted - k]
end

-- Ratios of VALUES to OTHERS, numbers of the visits of two programs. Three to five of
-- each must all agree. A visit in which the machine stood still decides nothing once
-- there are six, nor do two of nine. Returns the judgement, and the median, least and
-- largest ratio that count.
function claim.judgeRatios(c, values, others)
  if #values == 0 or #others == 0 then return "empty" end
  local function ratio(x, y) return x / math.max(y, 1e-9) end
  local x_least, x_most = middle(values)
  local y_least, y_most = middle(others)
  local least, most = ratio(x_least, y_most), ratio(x_most, y_least)
  local verdict, low, high = "inconclusive", claim.holds(c, least), claim.holds(c, most)
  if low and high then
    verdict = "yes"
  elseif not low and not high and (most <= c.low or least >= c.high) then
    verdict = "no"
  end
  return verdict, ratio(claim.median(values), claim.median(others)), least, most
end

return claim
