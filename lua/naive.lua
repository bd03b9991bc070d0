-- SPDX-License-Identifier: MIT
-- Naive solvers: programs that guess a diagnosis without thinking. An exercise
-- that one of them solves teaches less than it seems to.
--
-- naive.lua(host, parts) -> naive       parts: faults, judge
-- naive.solve(folder, seen) -> { solved_by = { names }, guesses = { { name, class,
--   where, verdict } } }; a solver that has nothing to guess has no class or where,
--   and the verdict "none"

local _, parts = ...
local judge = parts.judge
local isEntry = judge.isEntry
local naive = {}

-- The class that the largest function of a profile is taken for.
local CLASS_OF = { cpu = "cpu.hot", wall = "wait.dependency", heap = "memory.retained" }

-- Words in names that give a class away.
local WORDS = {
  { "mutex", "wait.lock" }, { "lock", "wait.lock" }, { "session", "memory.retained" }, { "cache", "memory.retained" },
  { "alloc", "memory.churn" }, { "goroutine", "leak.task" }, { "task", "leak.task" }, { "file", "leak.file" },
  { "pool", "wait.pool" }, { "queue", "memory.retained" }, { "cpu", "cpu.hot" }, { "retry", "net.retry" },
  { "attempt", "net.retry" }, { "query", "wait.dependency" }, { "socket", "leak.socket" }, { "timer", "leak.timer" },
  { "child", "leak.child" }, { "sync", "io.sync" }, { "log", "io.log" }, { "pattern", "cpu.backtrack" },
  { "memory", "memory.retained" }, { "fd", "leak.file" },
}

-- The largest function of the program in a profile, by its own or by all values.
local function largest(seen, kind, type, cumulative)
  local p = seen.profiles[kind]
  if not p then return nil end
  local flat, cum = {}, {}
  for _, stack in ipairs(judge.stacks(p, seen.slug, type)) do
    local on = {}
    for i, name in ipairs(stack) do
      if not isEntry(name) then
        if i == 1 then flat[name] = (flat[name] or 0) + stack.weight end
        if not on[name] then cum[name] = (cum[name] or 0) + stack.weight end
        on[name] = true
      end
    end
  end
  local best
  local values = cumulative and cum or flat
  for name, value in pairs(values) do
    if value > 0 and (not best or value > values[best] or value == values[best] and name < best) then best = name end
  end
  return best
end

local function guessByNames(f, seen)
  local text = f.slug
  for _, p in pairs(seen.profiles) do
    for _, stack in ipairs(p:stacks { scenario = seen.slug }) do text = text .. " " .. table.concat(stack, " ") end
  end
  text = text:lower()
  for _, word in ipairs(WORDS) do
    if text:find(word[1], 1, true) then return word[2] end
  end
end

-- The number that changed most, and what its name suggests.
local function guessByMetric(seen)
  local best, change
  for name, to in pairs(seen.after.metrics) do
    local from = seen.before.metrics[name] or 0
    local d = math.abs(to - from) / (math.abs(from) + 1)
    local own = name:find("diaglab_request") or name:find("bucket") or name:find("_time_")
    if not own and (not best or d > change) then
      best, change = name, d
    end
  end
  for _, word in ipairs(WORDS) do
    if best and best:lower():find(word[1], 1, true) then return word[2] end
  end
end

-- Of two faults a solver can guess one only, so each two of them answer together.
local function solveByTwo(f, seen, result)
  for i, a in ipairs(result.guesses) do
    for j = i + 1, #result.guesses do
      local b = result.guesses[j]
      local answer = { hypotheses = { { class = a.class, where = a.where }, { class = b.class, where = b.where } } }
      local both = a.verdict ~= "none" and b.verdict ~= "none"
      if both and judge.answer(answer, f.lesson, { seen }).verdict == "solved" then
        result.solved_by[#result.solved_by + 1] = ("%s and %s"):format(a.name, b.name)
      end
    end
  end
end

function naive.solve(f, seen)
  local cpu = seen.profiles.cpu
  -- Ready to compute is as good: on a busy machine others had the processor.
  local computed = cpu and cpu:sum({ scenario = seen.slug, type = "cpu" }).whole / 1e9
  local busy = computed and computed > 0 and computed + (seen.waited or 0) > 0.5 * seen.elapsed
  local kind, type = busy and "cpu" or "wall", busy and "cpu" or "time"
  local byName, byMetric = guessByNames(f, seen), guessByMetric(seen)
  local guesses = {
    { "top self", CLASS_OF[kind], largest(seen, kind, type, false) },
    { "top cum", CLASS_OF[kind], largest(seen, kind, type, true) },
    { "largest heap", CLASS_OF.heap, largest(seen, "heap", "inuse_space", false) },
    { "top self, class by names", byName, largest(seen, kind, type, false) },
    { "largest heap, class by names", byName, largest(seen, "heap", "inuse_space", false) },
    { "top self, class by the most changed metric", byMetric, largest(seen, kind, type, false) },
  }
  local result = { solved_by = {}, guesses = {} }
  for _, guess in ipairs(guesses) do
    local answer = { hypotheses = { { class = guess[2], where = guess[3] } } }
    local verdict = guess[2] and guess[3] and judge.answer(answer, f.lesson, { seen }).verdict or "none"
    result.guesses[#result.guesses + 1] = { name = guess[1], class = guess[2], where = guess[3], verdict = verdict }
    if verdict == "solved" then result.solved_by[#result.solved_by + 1] = guess[1] end
  end
  if #parts.faults.of(f.lesson) > 1 then solveByTwo(f, seen, result) end
  return result
end

return naive
