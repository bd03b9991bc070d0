-- SPDX-License-Identifier: MIT
-- A verdict for its reader: lines of 80 columns for a terminal, or JSON.
--
-- verdict.lua(parts) -> verdict       parts: data, wrap
-- verdict.text(result, facts), verdict.json(result, facts)
-- verdict.refused(text, form)         an answer that can't be judged as it is: why
--
-- result: judge.lua's. facts: { step, attempt, looked = those views that
-- were looked at, after = a further sentence or nil, repair = its program can be
-- repaired }

local parts = ...
local data = parts.data
local verdict = {}

verdict.format = "diaglab-verdict/1"

local WIDTH = 78
local ORDER = { "class", "where", "evidence", "ruled_out" }
local NAMES = { ruled_out = "ruled out" }
local MOST = { class = 30, where = 35, evidence = 25, ruled_out = 10 }

-- TEXT in lines of at most WIDTH.
function verdict.wrap(text) return table.concat(parts.wrap(text, WIDTH), "\n") .. "\n" end

function verdict.refused(text, form)
  text = text:find("[.?]$") and text or text .. "."
  return form == "json" and data.json { error = text, format = "diaglab-error/1" } .. "\n"
    or verdict.wrap(text)
end

local function scoreLine(result)
  local list = {}
  for _, key in ipairs(ORDER) do
    if result.parts[key] then
      list[#list + 1] = ("%s %g/%d"):format(NAMES[key] or key, result.parts[key], MOST[key])
    end
  end
  -- Where all is well there is no function to name.
  if #list == 1 then return ("%d of 100"):format(result.score) end
  return ("%d of 100: %s"):format(result.score, table.concat(list, ", "))
end

local KINDS = { metrics = "/metrics", vars = "/debug/vars", trace = "trace", cpu = "CPU profile" }

-- "c1 (CPU profile)"
local function nameCapture(id, facts)
  for _, view in ipairs(facts.looked) do
    if view.id == id then return ("%s (%s)"):format(id, KINDS[view.kind] or view.kind .. " profile") end
  end
  return id
end

local function evidenceLine(result, facts)
  if result.by_second then
    return ("%s and %s show it"):format(nameCapture(result.by, facts), nameCapture(result.by_second, facts))
  end
  if result.by then return nameCapture(result.by, facts) .. " shows it" end
  local n = #facts.looked
  local looked = n == 1 and "1 capture was looked at" or ("%d captures were looked at"):format(n)
  if result.grounded then return "your number is right; " .. looked end
  -- They may be all that is needed.
  local isWhereWrong = result.parts.where and result.parts.where < MOST.where
  return isWhereWrong and looked .. "; they count with the right function" or looked
end

-- Most students don't know that there is more to get.
local RULED_OUT = "The last 10 points are for what it isn't: ruled_out=CLASS:CAPTURE, a class of another family (the "
  .. "word before the dot) against which one of your captures (/lab/captures) speaks."

-- Why there are no points for what is ruled out; nil until the fault is found.
-- UNSAID: for who has ruled out nothing.
local function describeRuledOut(result, unsaid)
  if result.verdict ~= "solved" or result.parts.ruled_out ~= 0 then return nil end
  return result.ruled_out_why or unsaid
end

-- What to do next, or nil.
local function adviceOf(result, facts)
  if result.verdict ~= "solved" or not facts.repair then return facts.after end
  return ("Now repair it: diaglab repair %d (in a clone: ./lab run repair %d)."):format(facts.step, facts.step)
end

function verdict.text(result, facts)
  local lines
  if result.verdict == "invalid" then
    lines = ("verdict   not judged (this costs no try)\n\n")
  else
    lines = ("verdict   %s (step %d)\nscore     %s\nevidence  %s\n\n"):format(result.verdict, facts.step,
      scoreLine(result), evidenceLine(result, facts))
  end
  local advice = adviceOf(result, facts)
  local more = describeRuledOut(result, RULED_OUT)
  return lines .. verdict.wrap(result.feedback .. (advice and " " .. advice or ""))
    .. (more and "\n" .. verdict.wrap(more) or "")
end

function verdict.json(result, facts)
  local ids = {}
  for i, view in ipairs(facts.looked) do ids[i] = view.id end
  return data.json {
    format = verdict.format, step = facts.step, attempt = facts.attempt, verdict = result.verdict,
    gradable = result.verdict ~= "invalid", solved = result.verdict == "solved", score = result.score,
    code = result.code, feedback = result.feedback, advice = adviceOf(result, facts), grounded = result.grounded,
    evidence = result.by, evidence_second = result.by_second, evidence_text = evidenceLine(result, facts),
    parts = result.parts, ruled_out_why = describeRuledOut(result), looked_at = data.list(ids),
  } .. "\n"
end

return verdict
