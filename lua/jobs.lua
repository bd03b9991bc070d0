-- SPDX-License-Identifier: MIT
-- Exercises that are proven side by side: each in a process of its own, which is
-- `diaglab test` for one exercise. What is measured by the clock is measured one at
-- a time: visits take turns at a file (prove.lua says which).
--
-- jobs.lua(host, parts) -> jobs        parts: data
-- jobs.run(folders, options, refuse, tell) -> next() -> entry, in the order of FOLDERS
--   options: those of proof.lua; options.jobs of them run at the same time
--   refuse(folder) -> the entry of one that needn't be tried, or nil
--   tell(those that run, each { name, says = its last line }, how many have ended)
-- jobs.hand_in(dir, entry), jobs.turn_of(dir)        what such a process does

local host, parts = ...
local data = parts.data
local jobs = {}

local LOOK = 0.05 -- seconds between two looks at the processes

-- ---- in the process of one exercise ----------------------------------------------

function jobs.turn_of(dir) return dir:match("^(.*)/") .. "/turn" end

-- An entry is data (proof.lua); each run is a file of its own, so none is too large.
function jobs.hand_in(dir, entry)
  local rest = { name = entry.name, verdict = entry.verdict, seconds = entry.seconds, runs = #entry.reports }
  for i, report in ipairs(entry.reports) do
    assert(host.write_new(("%s/run-%d"):format(dir, i), data.chunk(report)))
  end
  assert(host.write_new(dir .. "/entry", data.chunk(rest)))
end

-- ---- in the process that began them ----------------------------------------------

local function readData(path)
  local text, problem = host.read(path)
  if not text then return nil, problem end
  return host.data(text, path)
end

local function lastLine(path)
  local text = host.read(path) or ""
  return text:match("([^\n]+)\n*$") or ""
end

-- What became of a process that has ended.
local function collect(job)
  local code = job.process:stop()
  local entry = readData(job.dir .. "/entry")
  local problem = entry == nil and ("its process ended with exit code %d: %s"):format(code, lastLine(job.log))
  if entry then
    entry.reports = {}
    for i = 1, entry.runs do
      local report
      report, problem = readData(("%s/run-%d"):format(job.dir, i))
      if not report then break end
      entry.reports[i], problem = report, nil
    end
  end
  if not problem then return entry end
  local report = { name = job.name, verdict = "not proven", seconds = host.now() - job.began, sentences = {},
    problems = { problem }, plain = { problem }, warnings = {} }
  return { name = job.name, verdict = report.verdict, seconds = report.seconds, reports = { report } }
end

local function begin(f, dir, options)
  assert(host.make_folder(dir))
  local words = { "test", "--job", dir, "--runs", tostring(options.runs or 1) }
  if options.evidence then table.move({ "--evidence", options.evidence }, 1, 2, #words + 1, words) end
  for _, file in ipairs(options.primitive or {}) do table.move({ "--primitive", file }, 1, 2, #words + 1, words) end
  table.move({ "--", f.dir }, 1, 2, #words + 1, words)
  local log = dir .. "/log"
  return { name = f.name, dir = dir, log = log, began = host.now(), process = assert(host.start_verb(log, words)) }
end

local function beginNext(state)
  state.begun = state.begun + 1
  local f, place = state.folders[state.begun], state.begun
  local entry = state.refuse(f)
  if entry then
    state.entries[place], state.ended = entry, state.ended + 1
  else
    local job = begin(f, ("%s/%d"):format(state.temp, place), state.options)
    job.place = place
    table.insert(state.running, job)
  end
end

-- Begins what may begin, and waits until the exercise that is next has ended.
local function waitFor(state, wanted)
  while not state.entries[wanted] do
    while state.begun < #state.folders and #state.running < state.options.jobs do
      beginNext(state)
    end
    host.together { { pause = LOOK } }
    local running = {}
    for i = #state.running, 1, -1 do
      local job = state.running[i]
      if job.process:ended() then
        state.entries[job.place], state.ended = collect(job), state.ended + 1
        table.remove(state.running, i)
      else
        table.insert(running, 1, { name = job.name, says = lastLine(job.log) })
      end
    end
    state.tell(running, state.ended)
  end
end

function jobs.run(folders, options, refuse, tell)
  local state = { folders = folders, options = options, refuse = refuse, tell = tell, begun = 0, ended = 0,
    running = {}, entries = {}, temp = assert(host.temp_folder()) }
  local place = 0
  -- Processes end before their folder is removed.
  local guard = setmetatable({}, { __close = function()
    for _, job in ipairs(state.running) do job.process:stop() end
    host.remove_tree(state.temp)
  end })
  return function()
    if place == #folders then return nil end
    place = place + 1
    waitFor(state, place)
    return state.entries[place]
  end, nil, nil, guard
end

return jobs
