-- SPDX-License-Identifier: MIT
-- What a student has done, as tables for people. src/diagnosis/sums.c adds up the
-- events.
--
-- progress.lua(parts) -> progress      parts: read_json (json.lua)
-- progress.read(the sums as JSON, or "") -> p = { steps = { one, ... in the order of
--   numbers }, dropped = lines that can't be read }
-- progress.text(p), progress.csv(p)
-- progress.steps(the sums as JSON, or "") -> the list of steps
--
-- One step: step, visits, captures, hints, answers (that were judged), score (the
-- best), solved (it was diagnosed: true or false), solved_at, class (that it was solved
-- with), minutes (until then, or so far), codes = { [code] = how often }; repairs (how
-- often one was tried), repaired, repaired_at

local parts = ...
local progress = {}

function progress.read(json)
  return json ~= "" and assert(parts.read_json(json)) or { steps = {}, dropped = 0 }
end

function progress.text(p)
  local out = { "step  visits  captures  hints  answers  score  solved  repaired  minutes\n" }
  for _, s in ipairs(p.steps) do
    out[#out + 1] = ("%4d  %6d  %8d  %5d  %7d  %5d  %6s  %8s  %7.1f\n"):format(s.step, s.visits, s.captures,
      s.hints, s.answers, s.score, s.solved and "yes" or "no", s.repaired and "yes" or "no", s.minutes)
  end
  if #p.steps == 0 then out[#out + 1] = "Nothing was done yet.\n" end
  if p.dropped > 0 then
    out[#out + 1] = ("%d %s of the file can't be read and %s left out.\n"):format(p.dropped,
      p.dropped == 1 and "line" or "lines", p.dropped == 1 and "was" or "were")
  end
  return table.concat(out)
end

function progress.steps(json)
  return progress.read(json).steps
end

function progress.csv(p)
  local out = { "step,visits,captures,hints,answers,score,solved,solved_at,minutes,repairs,repaired,repaired_at\n" }
  for _, s in ipairs(p.steps) do
    out[#out + 1] = ("%d,%d,%d,%d,%d,%d,%s,%s,%.1f,%d,%s,%s\n"):format(s.step, s.visits, s.captures, s.hints, s.answers,
      s.score, tostring(s.solved), s.solved_at or "", s.minutes, s.repairs, tostring(s.repaired), s.repaired_at or "")
  end
  return table.concat(out)
end

return progress
