-- SPDX-License-Identifier: MIT
-- Words that give a solution away, for check.lua.
--
-- spoilers.lua(parts) -> spoilers     parts: faults
-- spoilers.find(text, lesson[, isName]) -> the word, or nil

local parts = ...
local faults = parts.faults
local spoilers = {}

-- Words that name a fault rather than what one sees of it.
local FAULT_WORDS = [[leak leaks leaking mutex deadlock convoy quadratic backtrack backtracking churn pinned retained
  fragmented fragmentation unclosed starvation contention nagle thundering stampede]]
local faultWords = {}
for word in FAULT_WORDS:gmatch("%a+") do faultWords[word] = true end

-- Words of the class, but for those that any ticket may have.
local HARMLESS = { cpu = true, memory = true, wait = true, io = true, net = true, gc = true, none = true, file = true,
  task = true, timer = true, hot = true, idle = true, log = true, loop = true, tiny = true, tail = true, path = true,
  slow = true, pool = true, child = true, socket = true, channel = true, pressure = true, dependency = true }

-- Of all that is to blame, by classes or also by functions.
local function ownWords(l)
  local own, names = {}, {}
  for _, one in ipairs(l.diagnosis and faults.of(l) or {}) do
    for _, class in ipairs(one.diagnosis.class or {}) do
      for word in class:gmatch("%a+") do own[word] = not HARMLESS[word] or nil end
    end
    for _, name in ipairs(one.diagnosis.where or {}) do names[#names + 1] = name end
  end
  return own, names
end

-- Is NAME no word of English? Others may be in any ticket.
local function isOnlyName(name) return name:find("%l%u") or name:find("[_.:%[]") end

-- In the name of a function, what it is called is no spoiler.
function spoilers.find(text, l, isName)
  local own, names = ownWords(l)
  for word in text:lower():gmatch("%a+") do
    if faultWords[word] or own[word] then return word end
  end
  -- camelCase and snake_case
  for word in text:gmatch("%a%l+") do
    local lower = word:lower()
    if faultWords[lower] or own[lower] then return lower end
  end
  for _, name in ipairs(isName and {} or names) do
    if isOnlyName(name) and text:find(name, 1, true) then return name end
  end
end

return spoilers
