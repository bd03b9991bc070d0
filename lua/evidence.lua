-- SPDX-License-Identifier: MIT
-- Captures as views: what judge.lua judges by.
--
-- evidence.lua() -> evidence
-- evidence.views(captures, answer, begun) -> views, others
-- evidence.isMeant(name, view[, kind]): does NAME, an id or a kind, mean VIEW; its
--   profile of KIND? (A visit of `diaglab test` is one view with all profiles.)
-- evidence.wanted(views, names) -> those that one of NAMES means; nil: all
-- evidence.SAMPLES_MIN
--
-- captures: a list, the oldest first. Each is a table: id, kind, slug, requests,
--   busy, seconds, waited (or nil), in_flight, current (it is of the visit that is judged),
--   kept (its bytes are), and a function open() -> a profile, the text of metrics or vars,
--   or what a trace tells (host.decode_trace); nil if it can't be read.
-- answer: judge.lua's. What it names by its id is looked at first; then the newest
--   OF_KIND captures of each kind; ALL of them at most.
-- begun: the numbers with which the visit began, captures that no student has; or nil.
-- others: ids and kinds of captures that aren't looked at -> why: "visit" (they are of
--   another one), "trace" (one that was too large), or "many" (there are too many)

local evidence = {}

evidence.SAMPLES_MIN = 30 -- a share of fewer says nothing

local OF_KIND = 8 -- captures of one kind that are looked at
local TRACES = 2 -- the same, of traces, which take longer
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

-- Fields of MemStats that /metrics has, too.
local GO_NAMES = { Alloc = "alloc_bytes", TotalAlloc = "alloc_bytes_total", Sys = "sys_bytes",
  Mallocs = "mallocs_total", Frees = "frees_total", HeapAlloc = "heap_alloc_bytes", HeapSys = "heap_sys_bytes",
  HeapIdle = "heap_idle_bytes", HeapInuse = "heap_inuse_bytes", HeapReleased = "heap_released_bytes",
  HeapObjects = "heap_objects", NextGC = "next_gc_bytes" }

local function memstatsOf(metrics)
  local memstats = { NumGC = metrics.go_gc_duration_seconds_count }
  for field, name in pairs(GO_NAMES) do memstats[field] = metrics["go_memstats_" .. name] end
  return memstats
end

local NUMBERS = {
  metrics = function(text)
    local metrics = evidence.parseMetrics(text)
    return { metrics = metrics, memstats = memstatsOf(metrics) }
  end,
  vars = parseVars,
}

-- ---- views -----------------------------------------------------------------------

local function newView(c)
  local idle = c.requests == 0
  return { id = c.id, waited = c.waited, kind = c.kind, slug = c.slug, requests = c.requests, statuses = {},
    latency = {}, elapsed = idle and c.seconds or c.busy, profiles = {} }
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

-- What a trace tells is of its own seconds, as profiles of them; it also knows best
-- which requests there were in these.
local function traceView(c, trace)
  local view = newView(c)
  view.requests = trace.requests
  view.elapsed = trace.requests == 0 and trace.seconds or trace.busy
  view.profiles = trace.profiles
  if trace.requests == 0 then view.idle = view end
  return view
end

-- Numbers say how much was added since the first ones of the same kind. PREVIOUS:
-- those before, if nobody asked for anything since: what was added then came by itself.
local function numbersView(c, numbers, first, previous)
  local view = newView(c)
  view.after = numbers
  if c.in_flight > 0 then view.looks = { metrics = { numbers }, memstats = { numbers } } end
  if first then
    view.before = first.numbers
    view.requests = c.requests - first.capture.requests
    view.elapsed = c.busy - first.capture.busy
  end
  if previous then
    view.idle = { slug = c.slug, profiles = {}, requests = c.requests, latency = {}, before = previous.numbers,
      after = numbers, elapsed = c.seconds - previous.capture.seconds }
  end
  return view
end

-- The captures that are looked at: those that are named, then the newest. Of numbers
-- also the first of each kind, and for each those before it.
local function choose(captures, isNamed, begun)
  local chosen, first, previous, n = {}, {}, {}, {}
  local function add(c)
    if #chosen < ALL then chosen[#chosen + 1] = c end
  end
  for i = #captures, 1, -1 do
    local c = captures[i]
    if c.current and isNamed[c.id] then add(c) end
  end
  local last = {}
  for _, c in ipairs(begun or {}) do first[c.kind], last[c.kind] = c, c end
  for _, c in ipairs(captures) do
    if c.current and NUMBERS[c.kind] then
      first[c.kind] = first[c.kind] or c
      previous[c], last[c.kind] = last[c.kind], c
    end
  end
  for i = #captures, 1, -1 do
    local c = captures[i]
    if c.current and not isNamed[c.id] then
      n[c.kind] = (n[c.kind] or 0) + 1
      if n[c.kind] <= (c.kind == "trace" and TRACES or OF_KIND) then add(c) end
    end
  end
  return chosen, first, previous
end

-- Did nobody ask for anything between A and B?
local function isQuiet(a, b) return a.requests == b.requests and a.in_flight == 0 and b.in_flight == 0 end

local function nameAll(answer)
  local isNamed = {}
  for _, name in ipairs(answer.evidence or {}) do isNamed[name] = true end
  for _, item in ipairs(answer.ruled_out or {}) do isNamed[item.evidence or ""] = true end
  return isNamed
end

local function explainOthers(captures, views)
  local others = {}
  for _, c in ipairs(captures) do
    local why = not c.current and "visit" or c.kept and "many" or "trace"
    others[c.id] = why
    if c.current then others[c.kind] = why end
  end
  for _, view in ipairs(views) do others[view.id], others[view.kind] = nil, nil end
  return others
end

function evidence.views(captures, answer, begun)
  local views, known = {}, {}
  local chosen, first, previous = choose(captures, nameAll(answer), begun)
  local function numbersOf(c)
    known[c] = known[c] or NUMBERS[c.kind](c.open())
    return known[c]
  end
  local function withNumbers(c) return c and { capture = c, numbers = numbersOf(c) } or nil end
  for _, c in ipairs(chosen) do
    if NUMBERS[c.kind] then
      local start, before = first[c.kind], previous[c]
      views[#views + 1] = numbersView(c, numbersOf(c), start ~= c and withNumbers(start) or nil,
        before and isQuiet(before, c) and withNumbers(before) or nil)
    else
      local p = c.open()
      if p then views[#views + 1] = (c.kind == "trace" and traceView or profileView)(c, p) end
    end
  end
  return views, explainOthers(captures, views)
end

-- A trace is named as such, and not by the profiles that it is judged by.
function evidence.isMeant(name, view, kind)
  if name == view.id or name == view.kind then return true end
  if view.kind == "trace" then return false end
  if kind then return name == kind end
  return view.profiles[name] ~= nil or name == "metrics" and view.after ~= nil
end

function evidence.wanted(views, names)
  if not names then return views end
  local list = {}
  for _, view in ipairs(views) do
    local meant = false
    for _, name in ipairs(names) do meant = meant or evidence.isMeant(name, view) end
    if meant then list[#list + 1] = view end
  end
  return list
end

return evidence
