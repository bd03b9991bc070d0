-- SPDX-License-Identifier: MIT
-- What a step leaves behind, as the visits of an exercise have seen it.
--
-- left.lua(parts) -> left       parts: claim, measure, visit
-- left.prove(order, report)     ORDER: series of visits, as prove.lua has them; adds
--   to report.left and report.problems

local parts = ...
local claim, measure = parts.claim, parts.measure
local left = {}

-- RSS when the step has been left, of all visits with one program.
local function rssOf(order, which)
  local list = {}
  for _, series in ipairs(order) do
    for _, seen in ipairs(series.visits[which]) do
      if seen.left then list[#list + 1] = seen.left.rss end
    end
  end
  return claim.median(list)
end

-- The same profiles were taken of both programs, so what the lab itself keeps for
-- them is the same: what is more was the fault's.
local function findKeptMemory(order)
  local fault, fixed = rssOf(order, "fault"), rssOf(order, "fixed")
  local more = fault and fixed and fault - fixed * 1.1 or 0
  return more > parts.visit.RSS_SLACK and more or nil
end

function left.prove(order, report)
  local worst = { tasks = 0, fds = 0, heap = 0 }
  local problems, processes, files = {}, {}, {}
  for _, series in ipairs(order) do
    for _, seen in ipairs(series.visits.fault) do
      for key, most in pairs(worst) do worst[key] = math.max(most, seen.left and seen.left[key] or 0) end
      if seen.left and #seen.left.processes > #processes then processes = seen.left.processes end
      if seen.left and #seen.left.files > #files then files = seen.left.files end
    end
  end
  local function add(amount, text, shown)
    if amount and amount > 0 then problems[#problems + 1] = text:format(shown or amount) end
  end
  local more = findKeptMemory(order)
  add(worst.tasks, "%d tasks are left 4 s after the step was left")
  add(worst.fds, "%d descriptors are left")
  add(#processes, "processes are left: %s", table.concat(processes, ", "))
  add(#files, "temporary files are left: %s", table.concat(files, ", ", 1, math.min(#files, 3))
    .. (#files > 3 and (" and %d more"):format(#files - 3) or ""))
  add(worst.heap, "%s of its heap are left", measure.show(worst.heap, "bytes"))
  add(more, "the process keeps %s more than after the repaired program, beyond 10 %%",
    more and measure.show(more, "bytes"))
  report.left = { ok = #problems == 0, problems = problems }
  for _, text in ipairs(problems) do table.insert(report.problems, text) end
end

return left
