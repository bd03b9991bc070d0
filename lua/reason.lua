-- SPDX-License-Identifier: MIT
-- Why a sentence of an exercise fails: the most likely reason, in words.
--
-- reason.lua(host) -> reason
-- reason.conclude(row, keeps) -> "yes", "no" or "inconclusive", why
-- reason.of_errors(row, folder) -> text to append
--
-- A row is prove.lua's: { sentence, fault, fault_text, fixed, fixed_text }.

local host = ...
local reason = {}

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

-- If the program that ROW failed with answers most requests of F with an error: which,
-- and what its log says of the first one. Else "".
function reason.of_errors(row, f)
  local series, which = row.sentence.series, row.fault == "yes" and "fixed" or "fault"
  local seen = series.visits[which][#series.visits[which]]
  local log = seen and host.read(seen.log) or ""
  for _, kind in ipairs { "5xx", "4xx", "none" } do
    local n = seen and seen.statuses[kind] or 0
    if n > 0 and n >= 0.5 * seen.requests then
      local text = kind == "none" and "got no answer" or "were answered with " .. kind
      local message = kind == "5xx" and log:match(" request %S+ failed: ([^\n]*)")
      message = message and ": " .. message:gsub("^%S*/([%w_-]+%.lua:)", "%1")
      if message and which == "fixed" and f.lesson.fixed.file then
        message = message:gsub("^: scenario%.lua:", ": " .. f.lesson.fixed.file:gsub("%%", "%%%%") .. ":")
      end
      return ("; %d of %d requests %s%s"):format(n, seen.requests, text, message or "")
    end
  end
  return ""
end

return reason
