-- SPDX-License-Identifier: MIT
-- Captures as views: what judge.lua judges by.
--
-- evidence.lua() -> evidence
-- evidence.views(captures, named) -> views, foreign
--
-- captures: a list, the oldest first. Each is a table: id, kind, slug, requests,
--   busy, seconds, in_flight, current (it is of the visit that is judged), and a
--   function open() -> a profile, or the text of metrics or vars; nil if it can't
--   be read.
-- named: the ids and kinds that an answer names, or nil. What is named is always
--   looked at; of the others of one kind only the newest.

local evidence = {}

local OF_KIND = 8 -- captures of one kind that are looked at
local ALL = 32

-- ---- numbers ---------------------------------------------------------------------

function evidence.parseMetrics(text)
  local metrics = {}
  for line in text:gmatch("[^\n]+") do
    local name, value = line:match("^([^#]%S*.-) (%S+)$")
    if name then metrics[name] = tonumber(value) end
  end
  return metrics
end

-- /debug/vars: the fields of MemStats begin with a capital letter, metrics don't.
local function parseVars(text)
  local numbers = { metrics = {}, memstats = {} }
  for name, value in text:gmatch('"([%a_][%w_:]*)":%s*(%-?%d[%d.eE+-]*)') do
    local to = name:find("^%u") and numbers.memstats or numbers.metrics
    to[name] = tonumber(value)
  end
  return numbers
end

local NUMBERS = {
  metrics = function(text) return { metrics = evidence.parseMetrics(text), memstats = {} } end,
  vars = parseVars,
}

-- ---- views -----------------------------------------------------------------------

local function newView(c)
  local idle = c.requests == 0
  return { id = c.id, kind = c.kind, slug = c.slug, requests = c.requests, statuses = {}, latency = {},
    elapsed = idle and c.seconds or c.busy, profiles = {} }
end

local function profileView(c, p)
  local view = newView(c)
  local kind = c.kind == "allocs" and "heap" or c.kind
  view.profiles[kind] = p
  if kind == "heap" then view.profiles["heap.alloc"] = p end
  if c.in_flight > 0 then view.looks = { [kind] = { p } } end
  if c.requests == 0 then view.idle = view end
  return view
end

-- Numbers say how much was added since the first ones of the same kind.
local function numbersView(c, numbers, first)
  local view = newView(c)
  view.after = numbers
  if first then
    view.before = first.numbers
    view.requests = c.requests - first.capture.requests
    view.elapsed = c.busy - first.capture.busy
  end
  return view
end

-- The captures that are looked at: those that are named, then the newest; and the
-- first of each kind of numbers.
local function choose(captures, named)
  local chosen, first, n, isNamed = {}, {}, {}, {}
  for _, name in ipairs(named or {}) do isNamed[name] = true end
  local function add(c)
    if #chosen < ALL then chosen[#chosen + 1] = c end
  end
  for i = #captures, 1, -1 do
    local c = captures[i]
    if c.current and isNamed[c.id] then add(c) end
    if c.current and NUMBERS[c.kind] then first[c.kind] = c end
  end
  for i = #captures, 1, -1 do
    local c = captures[i]
    if c.current and not isNamed[c.id] then
      n[c.kind] = (n[c.kind] or 0) + 1
      if n[c.kind] <= OF_KIND then add(c) end
    end
  end
  return chosen, first
end

function evidence.views(captures, named)
  local foreign, views, known = {}, {}, {}
  for _, c in ipairs(captures) do
    if not c.current then foreign[c.id] = true end
  end
  local chosen, first = choose(captures, named)
  local function numbersOf(c)
    known[c.id] = known[c.id] or NUMBERS[c.kind](c.open())
    return known[c.id]
  end
  for _, c in ipairs(chosen) do
    if NUMBERS[c.kind] then
      local start = first[c.kind]
      views[#views + 1] = numbersView(c, numbersOf(c), start ~= c and { capture = start, numbers = numbersOf(start) })
    else
      local p = c.open()
      if p then views[#views + 1] = profileView(c, p) end
    end
  end
  return views, foreign
end

return evidence
