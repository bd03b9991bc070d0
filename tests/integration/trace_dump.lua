-- SPDX-License-Identifier: MIT
-- The events of an execution trace, one a line, as Go 1.19 prints them, whatever
-- version of Go is there:
--
--   lua5.4 trace_dump.lua FILE        exits 1 if go tool trace refuses the file
--
--   234006945 GoCreate p=0 g=7 off=0 g=12
--
-- Go 1.19 to 1.22 do it with -d. Later versions convert the trace first and
-- print events of another kind, but each stands for one of the old.
local FILE = assert(arg[1], "which file?")
local QUOTED = "'" .. FILE:gsub("'", "'\\''") .. "'"

local function lines_of(command)
  local pipe = assert(io.popen(command))
  return pipe, pipe:lines()
end

local function version()
  local pipe = assert(io.popen("go version"))
  local text = pipe:read("a")
  pipe:close()
  return assert(tonumber(text:match("go1%.(%d+)")), "go version: " .. text)
end

-- What a goroutine does, by its state before and after.
local MOVES = {
  ["NotExist->Runnable"] = "GoCreate",
  ["Undetermined->Runnable"] = "GoCreate",
  ["Undetermined->Running"] = "GoCreate",
  ["Undetermined->Waiting"] = "GoCreate",
  ["Undetermined->Syscall"] = "GoCreate",
  ["Runnable->Running"] = "GoStart",
  ["Running->Runnable"] = "GoSched",
  ["Running->NotExist"] = "GoEnd",
  ["Running->Waiting"] = "GoBlock",
  ["Waiting->Runnable"] = "GoUnblock",
  ["Running->Syscall"] = "GoSysCall",
  ["Syscall->Runnable"] = "GoSysExit",
  ["Syscall->Running"] = "GoSysExit",
}

local BLOCKS = { sleep = "GoSleep", sync = "GoBlockSync" } -- by their reason

local METRICS = {
  ["/memory/classes/heap/objects:bytes"] = "HeapAlloc",
  ["/gc/heap/goal:bytes"] = "HeapGoal",
  ["/sched/gomaxprocs:threads"] = "Gomaxprocs",
}

local SIMPLE = {
  TaskBegin = "UserTaskCreate", TaskEnd = "UserTaskEnd", RegionBegin = "UserRegion", RegionEnd = "UserRegion",
  Log = "UserLog", StackSample = "CPUSample",
}

local FIRST = { RegionBegin = "mode=0 ", RegionEnd = "mode=1 " }
local NAMES = { ID = "taskid", Task = "taskid", Parent = "pid", Type = "name", Message = "message" }

local NO_TASK = "18446744073709551615" -- what is within no task has this one as parent

-- 'ID=1 Type="a b"' -> "taskid=1 name=a b"
local function rename(rest)
  rest = rest:gsub('%f[%a](%a+)="(.-)"', function(key, text) return NAMES[key] and NAMES[key] .. "=" .. text end)
  rest = rest:gsub("Parent=" .. NO_TASK, "Parent=0")
  return (rest:gsub("%f[%a](%u%a*)=(%d+)", function(key, n) return NAMES[key] and NAMES[key] .. "=" .. n end))
end

-- -> name, arguments; nil for what has no counterpart
local function translate(kind, rest)
  if kind == "StateTransition" then
    local g, from, to = rest:match("GoID=(%d+) (%a+)%->(%a+)")
    local name = g and MOVES[from .. "->" .. to]
    if name == "GoBlock" then name = BLOCKS[rest:match('Reason="(.-)"')] or name end
    return name, name and "g=" .. g
  elseif kind == "Metric" then
    local metric, value = rest:match('Name="([^"]+)" Value=%a+%d*%((%d+)%)')
    return METRICS[metric], value and "mem=" .. value
  elseif kind == "RangeBegin" or kind == "RangeEnd" then
    if not rest:find('Name="GC concurrent mark phase"', 1, true) then return nil end
    return kind == "RangeBegin" and "GCStart" or "GCDone", ""
  end
  return SIMPLE[kind], (FIRST[kind] or "") .. rename(rest)
end

local function print_new()
  local pipe, lines = lines_of("go tool trace -d=parsed " .. QUOTED .. " 2>&1")
  local n, other = 0, {}
  for line in lines do
    local p, g, kind, time, rest = line:match("^M=%S+ P=(%S+) G=(%S+) (%a+) Time=(%d+)(.*)$")
    if kind then
      n = n + 1
      local name, arguments = translate(kind, rest)
      if g == "-1" then g = "0" end
      if name then io.write(time, " ", name, " p=", p, " g=", g, " off=0 ", arguments, "\n") end
    elseif #other < 20 then
      other[#other + 1] = line
    end
  end
  if not pipe:close() or n == 0 then
    io.stdout:write(table.concat(other, "\n"), "\n")
    os.exit(1)
  end
end

local go = version()
if go < 23 then
  os.exit((os.execute(("exec go tool trace %s %s 2>&1"):format(go < 22 and "-d" or "-d=1", QUOTED))))
end
print_new()
