-- SPDX-License-Identifier: MIT
-- A visit: a lab of its own is started, a step is entered, its load is sent, and
-- all that a sentence may be about is looked at meanwhile, afterwards, and when the
-- step has been left.
--
-- visit.lua(host, parts) -> visit      parts: evidence
-- visit.make(plan) -> seen
-- visit.enter(plan) -> a lab in the step, which the caller closes; of the plan it
--   needs scenarios, number, params, log and temp
-- visit.url(lab, path)
--
-- plan: { scenarios = folder, number, slug, params, load, kinds = set of profiles,
--   seconds = for CPU and wall profiles, log = path, temp = a folder to make for
--   temporary files; entering_seconds; idle,
--   entering = sets of profiles that are taken when nobody asks for anything, and
--   while the step is entered; nil: it isn't looked at then; turn, alone: a file at
--   which visits of other processes take turns, and whether this one needs the
--   machine for itself while it looks }
-- seen:
--   slug, requests, elapsed, statuses, latency        of the load
--   waited              for how long the lab's threads had no processor meanwhile; nil
--   profiles[kind]      at the load's end; of those that only grow, what came
--                       while it ran
--   looks[kind]         five of them, taken while it ran; also of numbers: "metrics"
--                       ({ metrics }) and "memstats" ({ memstats })
--   before, after, gone     numbers: { metrics = { [name{labels}] = number },
--                       memstats = { [field] = number } }; before the load, after it,
--                       after the step was left
--   left                { tasks, fds, heap, rss, seconds, processes, files = { texts } }
--   sample              { status, body } of one more request, if the plan has `sample`
--   entering, idle      what a visit is, of the time while the step was entered, and
--                       of a pause after the load: slug, elapsed, profiles, before,
--                       after; idle has the load's requests and latency, too
--   trace               the file, if the plan asks for it
--   short               true: the load took longer than the CPU and wall profiles, or
--                       entering did

local host, parts = ...
local visit = {}

local PPROF = "/debug/pprof/"
local WARM_UP = 30 -- requests
local LOOKS = 5
local IDLE = 1 -- second
local ENTER_MAX = 120 -- seconds
local LEFT_MAX = 4 -- seconds until all that a step had must be gone

-- Bytes that a process may keep beside 10 %: an allocator gives back whole pages,
-- and a program that has allocated gigabytes leaves some that are half used.
visit.RSS_SLACK = 8e6

-- Kinds that are recorded for some time.
local RECORDED = { cpu = "profile", wall = "wall" }
-- Kinds that only grow: what came since is the difference of two.
local GROWING = { block = true, mutex = true }

-- ---- asking a lab ----------------------------------------------------------------

local function urlOf(lab, path) return ("http://127.0.0.1:%d%s"):format(lab:port(), path) end

local function answerOf(path, result)
  if result.error then error(("%s: %s"):format(path, result.error), 0) end
  if result.status ~= 200 then error(("%s: %d %s"):format(path, result.status, result.body:match("[^\n]*")), 0) end
  return result.body
end

local function get(lab, path)
  return answerOf(path, host.together({ { get = urlOf(lab, path) } })[1])
end

local function decode(path, body)
  local p, problem = host.decode(body)
  if not p then error(("%s: %s"):format(path, problem), 0) end
  return p
end

-- A profile of the program's own (lab.profile) is there when the program has made it.
local function isOwn(kind) return kind:find(".", 1, true) ~= nil and not kind:find("^lab%.") end

-- The profile of KIND in an answer; nil: there is none yet.
local function decodeAnswer(kind, result)
  if isOwn(kind) and result.status == 404 then return nil end
  return decode(kind, answerOf(kind, result))
end

local function pathOf(kind)
  return PPROF .. (kind == "heap" and "heap?gc=1" or kind)
end

-- ---- numbers ---------------------------------------------------------------------

local function parseMemstats(text)
  local stats = {}
  for name, value in text:gmatch("\n# (%u%w+) = (%-?[%d.e+-]+)") do stats[name] = tonumber(value) end
  return stats
end

-- FROM_START: also what came before the present step was entered.
local FROM_START = "?since=start"

local function numbersJobs(lab, follows, since)
  return { get = urlOf(lab, "/metrics" .. (since or "")), follows = follows },
    { get = urlOf(lab, PPROF .. "heap?debug=1"), follows = follows }
end

local function numbersOf(metrics, heap)
  return { metrics = parts.evidence.parseMetrics(answerOf("/metrics", metrics)),
    memstats = parseMemstats(answerOf("heap", heap)) }
end

local function takeNumbers(lab, since)
  local results = host.together { numbersJobs(lab, nil, since) }
  return numbersOf(results[1], results[2])
end

-- ---- before ----------------------------------------------------------------------

-- What a lab has after its first requests and profiles doesn't belong to the step.
local function warmUp(lab, kinds)
  host.together { { load = { url = urlOf(lab, ""), path = "/", requests = WARM_UP, clients = 2, timeout = 10 } } }
  for kind in pairs(kinds) do
    if not RECORDED[kind] and not isOwn(kind) then get(lab, pathOf(kind)) end
  end
  get(lab, PPROF .. "heap?gc=1&since=start")
end

local function encode(text)
  return (tostring(text):gsub("[^%w._-]", function(c) return ("%%%02X"):format(c:byte()) end))
end

local function gotoPath(plan)
  local path = ("/goto?step=%d"):format(plan.number)
  local names = {}
  for name in pairs(plan.params) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do path = path .. ("&%s=%s"):format(name, encode(plan.params[name])) end
  return path
end

local function takeProfiles(lab, kinds)
  local taken = {}
  for kind in pairs(kinds) do
    if GROWING[kind] or kind == "heap" then taken[kind] = decode(kind, get(lab, pathOf(kind))) end
  end
  return taken
end

-- ---- while the step is entered ---------------------------------------------------

local function recordedJob(lab, kind, seconds)
  return { get = urlOf(lab, ("%s%s?seconds=%d%s"):format(PPROF, RECORDED[kind], seconds,
    kind == "cpu" and "&hz=500" or "")), timeout = seconds + 60 }
end

-- ---- while the load runs ---------------------------------------------------------

-- Kinds of looks that aren't profiles. A look must not collect garbage for its numbers.
local NUMBER_PATHS = { metrics = "/metrics", memstats = PPROF .. "heap?debug=1" }

local function lookPath(kind) return NUMBER_PATHS[kind] or pathOf(kind) end

local function decodeLook(kind, body)
  if kind == "metrics" then return { metrics = parts.evidence.parseMetrics(body) } end
  if kind == "memstats" then return { memstats = parseMemstats(body) } end
  return decode(kind, body)
end

-- The jobs, and what each of their results is: { what, kind }.
local function planJobs(lab, plan)
  local jobs, what = {}, {}
  local function add(job, ...)
    jobs[#jobs + 1] = job
    what[#what + 1] = { ... }
  end
  local load = { url = urlOf(lab, ""), after = 0.05 }
  for key, value in pairs(plan.load) do load[key] = value end
  load.first = nil -- it was sent
  add({ load = load, after = 0.05 }, "load")
  -- Numbers first: a heap profile collects garbage, which is counted.
  local metrics, heap = numbersJobs(lab, 1)
  add(metrics, "metrics")
  add(heap, "memstats")
  for kind in pairs(plan.kinds) do
    if RECORDED[kind] then
      add(recordedJob(lab, kind, plan.seconds), "profile", kind)
    else
      add({ get = urlOf(lab, pathOf(kind)), follows = 3 }, "profile", kind)
    end
  end
  if plan.trace then
    add({ get = urlOf(lab, ("%strace?seconds=%d"):format(PPROF, plan.seconds)), timeout = plan.seconds + 60 }, "trace")
  end
  for kind in pairs(plan.looks or {}) do
    for i = 1, LOOKS do
      add({ get = urlOf(lab, lookPath(kind)), after = 0.05 + plan.expected * i / (LOOKS + 1) }, "look", kind)
    end
  end
  return jobs, what
end

-- What is sent before the load isn't counted: it is over when the numbers of before
-- are taken.
local function sendFirst(lab, first)
  local load = { url = urlOf(lab, "") }
  for key, value in pairs(first) do load[key] = value end
  host.together { { load = load } }
end

local function sendLoad(lab, plan, seen)
  local jobs, what = planJobs(lab, plan)
  local from = lab:waited()
  local results = host.together(jobs)
  local metrics, heap
  seen.looks = {}
  for i, result in ipairs(results) do
    local kind = what[i][2]
    if what[i][1] == "load" then
      seen.requests, seen.elapsed = result.requests, result.elapsed
      seen.statuses, seen.latency = result.statuses, result.latency
    elseif what[i][1] == "profile" then
      seen.profiles[kind] = decodeAnswer(kind, result)
    elseif what[i][1] == "trace" then
      seen.trace = answerOf("trace", result)
    elseif what[i][1] == "metrics" then
      metrics = result
    elseif what[i][1] == "memstats" then
      heap = result
    elseif result.status == 200 then
      seen.looks[kind] = seen.looks[kind] or {}
      table.insert(seen.looks[kind], decodeLook(kind, result.body))
    end
  end
  seen.after = numbersOf(metrics, heap)
  local waited = lab:waited()
  seen.waited = from and waited and math.max(0, waited - from)
  seen.short = seen.elapsed > plan.seconds - 0.05
end

-- What only grows is what came while the load ran; of heap, a second profile.
local function subtractBefore(seen, before)
  for kind in pairs(GROWING) do
    if seen.profiles[kind] then assert(seen.profiles[kind]:subtract(before[kind])) end
  end
  if seen.profiles.heap then
    seen.profiles["heap.alloc"] = seen.profiles.heap:copy()
    assert(seen.profiles["heap.alloc"]:subtract(before.heap))
  end
end

-- Enters the step, and looks at it meanwhile.
local function enterWatched(lab, plan)
  local from = takeProfiles(lab, plan.entering)
  local e = { slug = plan.slug, profiles = {}, before = takeNumbers(lab, FROM_START) }
  local jobs = { { get = urlOf(lab, gotoPath(plan)), after = 0.05, timeout = ENTER_MAX },
    numbersJobs(lab, 1, FROM_START) }
  local kinds = {}
  for kind in pairs(plan.entering) do
    jobs[#jobs + 1] = RECORDED[kind] and recordedJob(lab, kind, plan.entering_seconds)
      or { get = urlOf(lab, pathOf(kind)), follows = 3 }
    kinds[#jobs] = kind
  end
  local results = host.together(jobs)
  answerOf("/goto", results[1])
  e.elapsed, e.after = results[1].took, numbersOf(results[2], results[3])
  for i, kind in pairs(kinds) do e.profiles[kind] = decodeAnswer(kind, results[i]) end
  subtractBefore(e, from)
  return e
end

-- A pause after the load. Numbers first: to take a profile is work, too.
local function lookWhenIdle(lab, plan, seen)
  local from = takeProfiles(lab, plan.idle)
  local e = { slug = plan.slug, profiles = {}, requests = seen.requests, latency = seen.latency,
    before = takeNumbers(lab) }
  local began = host.now()
  host.together { { pause = IDLE } }
  e.after, e.elapsed = takeNumbers(lab), host.now() - began
  local jobs, kinds = {}, {}
  for kind in pairs(plan.idle) do
    jobs[#jobs + 1] = RECORDED[kind] and recordedJob(lab, kind, IDLE) or { get = urlOf(lab, pathOf(kind)) }
    kinds[#jobs] = kind
  end
  for i, result in ipairs(host.together(jobs)) do
    e.profiles[kinds[i]] = decodeAnswer(kinds[i], result)
  end
  subtractBefore(e, from)
  seen.idle = e
end

-- ---- afterwards ------------------------------------------------------------------

local function heapLeft(lab, slug)
  local p = decode("heap", get(lab, PPROF .. "heap?gc=1&since=start"))
  return p:sum { type = "inuse_space", scenario = slug, only_scenario = true }.whole
end

local FILES_MAX, DEPTH_MAX = 100, 8

-- Adds what is in the folder DIR to LIST, by its name within it: files, and folders
-- that have nothing in them, but for the lab's own one, which it keeps.
local function addFiles(list, dir, within, depth)
  for _, name in ipairs(host.scan(dir) or {}) do
    if name ~= "." and name ~= ".." and #list < FILES_MAX then
      local inner, n = dir .. "/" .. name, #list
      local names = depth < DEPTH_MAX and host.scan(inner)
      if names then addFiles(list, inner, within .. name .. "/", depth + 1) end
      local own = depth == 0 and name:find("^diaglab%-%d+%-%x+$")
      if not names or #names <= 2 and #list == n and not own then list[#list + 1] = within .. name end
    end
  end
  return list
end

-- Leaves the step, and waits until nothing of it is there. Memory is returned to the
-- kernel in the background, so a large RSS gets a second more.
local function leave(lab, seen, rssBefore, temp)
  get(lab, "/goto?step=0")
  local began = host.now()
  local left
  repeat
    seen.gone = takeNumbers(lab)
    local m = seen.gone.metrics
    left = { tasks = m.go_goroutines, fds = m.diaglab_step_open_fds, heap = heapLeft(lab, seen.slug),
      rss = m.process_resident_memory_bytes, seconds = host.now() - began, processes = host.strays(),
      files = addFiles({}, temp, "", 0) }
    local clean = left.tasks == 0 and left.fds == 0 and left.heap == 0 and #left.processes == 0
      and #left.files == 0
      and (left.rss < rssBefore * 1.1 + visit.RSS_SLACK or left.seconds > 1)
    if not clean then host.together { { pause = 0.05 } } end
  until clean or left.seconds > LEFT_MAX
  host.end_strays()
  seen.left = left
end

-- One answer more: { status, body }, or {} if there is none.
local function sampleOf(lab, plan)
  local path = plan.load.path:gsub("{n}", "1")
  local result = host.together({ { get = urlOf(lab, path), timeout = plan.load.timeout } })[1]
  return { status = result.status, body = result.body }
end

function visit.enter(plan)
  assert(host.make_folder(plan.temp))
  local lab = assert(host.start_lab(plan.log, { "--scenarios", plan.scenarios }, plan.temp))
  warmUp(lab, {})
  get(lab, gotoPath(plan))
  return lab
end

-- From entering the step until the load has ended. Other labs may start and end
-- meanwhile, which is little.
local function look(lab, plan, seen)
  local turn <close> = plan.turn and assert(host.take_turn(plan.turn, plan.alone)) or nil -- luacheck: ignore
  if plan.entering then
    seen.entering = enterWatched(lab, plan)
  else
    get(lab, gotoPath(plan))
  end
  if plan.load.first then sendFirst(lab, plan.load.first) end
  local before = takeProfiles(lab, plan.kinds)
  seen.before = takeNumbers(lab)
  sendLoad(lab, plan, seen)
  subtractBefore(seen, before)
  if plan.sample then seen.sample = sampleOf(lab, plan) end
  seen.short = seen.short or seen.entering and seen.entering.elapsed > plan.entering_seconds - 0.1
  if plan.idle then lookWhenIdle(lab, plan, seen) end
end

function visit.make(plan)
  local seen = { slug = plan.slug, profiles = {} }
  assert(host.make_folder(plan.temp))
  local lab <close> = assert(host.start_lab(plan.log, { "--scenarios", plan.scenarios }, plan.temp))
  warmUp(lab, plan.kinds)
  local atStart = takeNumbers(lab)
  look(lab, plan, seen)
  if plan.number ~= 0 then leave(lab, seen, atStart.metrics.process_resident_memory_bytes, plan.temp) end
  return seen
end

visit.url = urlOf
return visit
