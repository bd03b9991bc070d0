-- SPDX-License-Identifier: MIT
-- Why a sentence of an exercise fails: the most likely reason, in words.
--
-- reason.lua(host, parts) -> reason     parts: measure, tags
-- reason.conclude(row, keeps) -> "yes", "no" or "inconclusive", why
-- reason.of_errors(row), reason.of_parts(row) -> text to append
--
-- A row is prove.lua's: { sentence, fault, fault_text, fixed, fixed_text }.

local host, parts = ...
local measure = parts.measure
local reason = {}

-- ---- what a sentence asks for and isn't there ------------------------------------

local NARROWING = { "tag", "line", "leaf", "top", "absent", "under", "of" }

local function without(s, key)
  local copy = {}
  for name, value in pairs(s) do copy[name] = value end
  copy[key] = nil
  return copy
end

-- The functions of the scenario that the profile of S has, those with most first.
local function functionsIn(s, seen)
  local p = measure.profilesOf(s, seen)[1]
  local sums, names = {}, {}
  for _, stack in ipairs(p and p:stacks { scenario = seen.slug, type = s.subject.type } or {}) do
    for _, name in ipairs(stack) do
      if not sums[name] then names[#names + 1] = name end
      sums[name] = (sums[name] or 0) + stack.weight
    end
  end
  table.sort(names, function(a, b) return sums[a] > sums[b] or sums[a] == sums[b] and a < b end)
  return table.concat(names, ", ", 1, math.min(#names, 6))
end

-- The values that the label of S has in the profile, if they are states.
local function statesIn(s, seen)
  local found = {}
  for _, state in ipairs(parts.tags.states) do
    local other = without(s, "tag")
    other.tag = { state = state }
    local number = measure.number(other, seen)
    if number and number.value > 0 then found[#found + 1] = state end
  end
  return table.concat(found, ", ")
end

-- If the sentence of ROW fails with the fault: which part of it does, or what is there
-- instead. Else "".
function reason.of_parts(row)
  local s, visits = row.sentence, row.sentence.series.visits.fault
  local seen = visits[#visits]
  if not s.subject.profile or not seen or row.fault == "yes" then return "" end
  for _, key in ipairs(NARROWING) do
    if s[key] then
      local verdict, text = measure.judge(without(s, key), visits)
      local states = key == "tag" and s.tag.state and statesIn(s, seen) or ""
      if verdict == "yes" then
        return ("; without %s it holds (%s)%s"):format(key, text,
          states ~= "" and ", where the states are: " .. states or "")
      end
    end
  end
  local functions = functionsIn(s, seen)
  if functions == "" then return "; this profile has no function of the program" end
  return "; functions of the program in this profile: " .. functions
end

-- ---- the reason ------------------------------------------------------------------

-- What the row proves: "yes", "no" or "inconclusive", and why.
function reason.conclude(row, keeps)
  local s = row.sentence
  if row.fault == "inconclusive" then return "inconclusive", "with the fault: " .. row.fault_text end
  if row.fault == "empty" then
    return "no", "nothing was seen: is the load (" .. (s.series.load.path or "/") .. ") what reaches it?"
  end
  if row.fault == "no" then return "no", "it doesn't hold with the fault: " .. row.fault_text end
  if not row.fixed then return "yes" end
  if row.fixed == "inconclusive" then return "inconclusive", "with the repaired program: " .. row.fixed_text end
  if keeps or s.always then
    if row.fixed == "yes" then return "yes" end
    return "no", "it doesn't hold with the repaired program: " .. row.fixed_text
  end
  if row.fixed == "yes" then
    return "no", "it holds with the repaired program, too (" .. row.fixed_text ..
      "), so it doesn't speak of the fault; always = true says that this is meant"
  end
  return "yes"
end

-- If the program that ROW failed with answers most requests with an error: which,
-- and what its log says of the first one. Else "".
function reason.of_errors(row)
  local series, which = row.sentence.series, row.fault == "yes" and "fixed" or "fault"
  local seen = series.visits[which][#series.visits[which]]
  local log = seen and host.read(seen.log) or ""
  for _, kind in ipairs { "5xx", "4xx", "none" } do
    local n = seen and seen.statuses[kind] or 0
    if n > 0 and n >= 0.5 * seen.requests then
      local text = kind == "none" and "got no answer" or "were answered with " .. kind
      local message = kind == "5xx" and log:match(" request %S+ failed: ([^\n]*)")
      message = message and ": " .. message:gsub("^%S*/([%w_-]+%.lua:)", "%1")
      return ("; %d of %d requests %s%s"):format(n, seen.requests, text, message or "")
    end
  end
  return ""
end

return reason
