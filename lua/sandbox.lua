-- SPDX-License-Identifier: MIT
-- What a scenario may see: an environment of its own, in which everything is
-- read-only. Scenarios come from instructors, and this prevents their accidents:
-- a forgotten `local` that all requests share, a changed string.format that stays
-- after the step. It doesn't protect from an attacker.
--
-- steps.lua calls make_environment for each scenario that is read. No two of
-- them share anything that can be changed.
--
-- sandbox.lua(lab, host) -> make_environment(dir, prefix, stand_in) -> env
-- A scenario that is only read (reader.lua) has a STAND_IN for `lab`, and all else is
-- as where it runs: what is an error there is one in the list, too.

local lab, host = ...

-- The read-only tables themselves, as keys: rawset must not change them.
local protected = setmetatable({}, { __mode = "k" })

local function readOnly(name, contents)
  local proxy = setmetatable({}, {
    __index = contents,
    __newindex = function(_, key)
      error(("assignment to %s.%s: %s is read-only"):format(name, key, name), 2)
    end,
    __pairs = function(t) return function(_, key) return next(contents, key) end, t, nil end,
    __name = name,
    __metatable = false,
  })
  protected[proxy] = true
  return proxy
end

-- A name that isn't there is a typing mistake, so it is an error instead of nil.
-- Names that are there cost nothing more.
local function strict(name, contents)
  return setmetatable(contents, {
    __index = function(_, key)
      if type(key) ~= "string" then error(("%s has no %s key"):format(name, type(key)), 2) end
      error(("%s has no '%s'%s"):format(name, key, host.did_you_mean(key, contents)), 2)
    end,
  })
end

local function copy(t)
  local c = {}
  for k, v in pairs(t) do c[k] = v end
  return c
end

local strings = copy(string)
strings.dump = nil -- bytecode

-- Methods of strings, ("x"):rep(3), go through one metatable that all share.
local stringMeta = getmetatable("")
stringMeta.__index = copy(strings)
stringMeta.__metatable = false

local base = {
  _VERSION = _VERSION,
  assert = assert, error = error, ipairs = ipairs, next = next, pairs = pairs,
  pcall = pcall, print = nil, rawequal = rawequal, rawlen = rawlen,
  rawget = rawget, select = select, setmetatable = setmetatable,
  getmetatable = getmetatable, tonumber = tonumber, tostring = tostring,
  type = type,
  string = readOnly("string", strings),
  table = readOnly("table", copy(table)),
  math = readOnly("math", copy(math)),
  utf8 = readOnly("utf8", copy(utf8)),
}

-- When a task is cancelled, an error handler would run where nothing can
-- interrupt it, so it isn't called.
function base.xpcall(f, handler, ...)
  if type(handler) ~= "function" then error("bad argument #2 to 'xpcall' (function expected)", 2) end
  return xpcall(f, function(message)
    if host.cancelled() then return message end
    return (handler(message))
  end, ...)
end

function base.rawset(t, key, value)
  if protected[t] then error("rawset on a read-only table", 2) end
  return rawset(t, key, value)
end

function base.print(...)
  local words = table.pack(...)
  for i = 1, words.n do words[i] = tostring(words[i]) end
  lab.log(table.concat(words, "\t"))
end

-- What Lua has elsewhere, and what is used here instead.
local ABSENT = {
  io = "files are lab.open, lab.temp_file and lab.temp_dir", os = "use lab.now, lab.cpu_time and lab.spawn",
  require = 'use lab.include "name"', dofile = 'use lab.include "name"', loadfile = 'use lab.include "name"',
  package = 'use lab.include "name"', coroutine = "tasks are lab.go", debug = "look at the lab from outside",
  collectgarbage = "use lab.gc and lab.release",
}

local function refuseAbsent(_, name)
  if ABSENT[name] then error(("there is no '%s' here: %s"):format(name, ABSENT[name]), 2) end
end

-- A file that runs now: in which task, and what those wait at who want it, too.
local LOOK_AGAIN = 0.05 -- seconds: a task that was cancelled may not have told of its end

-- Puts a run of NAME in the place of OLD, which is over, or nil; nil, if another task was
-- quicker: a time slice may end anywhere here.
local function beginRun(running, name, old, id, task)
  local run = { id = id, task = task }
  if not host.exchange(running, name, old, run) then return nil end
  return setmetatable(run, { __close = function()
    if running[name] == run then running[name] = nil end
    if run.ended then run.ended:done() end
  end })
end

-- Whether RUN can't end before the task ID goes on. AWAITED: the runs that tasks wait
-- for, by their numbers.
local function waitsFor(awaited, run, id)
  while run and run.id ~= id do run = awaited[run.id] end
  return run ~= nil
end

local function awaitRun(awaited, run, name, id)
  if not run.ended then
    local ended = lab.wait_group("include " .. name)
    ended:add(1)
    run.ended = ended -- ready to be told: a slice may end here
  end
  awaited[id] = run
  run.ended:wait(LOOK_AGAIN)
  awaited[id] = nil
end

-- lab.include "name": runs NAME.lua of the scenario's folder, once, and returns
-- what it returned. Another task that wants it meanwhile waits; if it raises, or
-- its task is cancelled, it can be tried again.
local function includer(dir, prefix, env)
  local loaded, running = {}, {}
  local awaited = setmetatable({}, { __mode = "v" }) -- who was cancelled leaves its own behind
  return function(name)
    if type(name) ~= "string" or not name:find("^[%w_-]+$") then
      error("include: a name of letters, digits, _ and - is wanted", 2)
    end
    if loaded[name] ~= nil then return loaded[name] end
    local id, task, parks = host.task()
    local own
    repeat
      local run = running[name]
      if not run or not host.runs(run.task) then
        own = beginRun(running, name, run, id, task)
      else
        if waitsFor(awaited, run, id) then error(("include: '%s' includes itself"):format(name), 2) end
        if not parks then error(("include: another task runs '%s', and it can't be awaited here"):format(name), 2) end
        awaitRun(awaited, run, name, id)
      end
    until own or loaded[name] ~= nil
    local _ <close> = own
    if loaded[name] ~= nil then return loaded[name] end -- while this one looked around
    local path = dir .. "/" .. name .. ".lua"
    local text, message = host.read(path)
    if not text then error("include: " .. message, 2) end
    -- Its functions may have the names of scenario.lua's.
    local chunk, problem = host.compile(text, path, prefix .. "/" .. name, env)
    if not chunk then error(problem, 0) end
    local value = chunk()
    loaded[name] = value == nil and true or value
    return loaded[name]
  end
end

-- lab.primitive "name": the functions of a primitive from outside the tree. It
-- shares nothing with other scenarios.
local function primitives()
  local given = {}
  return function(name)
    if type(name) ~= "string" then error("primitive: a name is wanted", 2) end
    local found = lab.primitive[name]
    if not found then
      error(("there is no primitive '%s'%s (--primitive names the file of one)"):format(name,
        host.did_you_mean(name, lab.primitive)), 2)
    end
    given[name] = given[name] or readOnly(name, strict(name, copy(found)))
    return given[name]
  end
end

-- load for text only; without an environment the chunk gets the scenario's.
local function loader(env)
  return function(chunk, name, _, environment)
    if environment == nil then environment = env end
    return load(chunk, name, "t", environment)
  end
end

local function libraryOf(dir)
  local library = copy(lab)
  library.open = host.opener(dir)
  library.primitive = primitives()
  library.http = readOnly("lab.http", strict("lab.http", copy(lab.http)))
  library.tcp = readOnly("lab.tcp", strict("lab.tcp", copy(lab.tcp)))
  return strict("lab", library)
end

return function(dir, prefix, standIn)
  local contents = copy(base)
  local env = setmetatable({}, {
    __index = contents,
    __newindex = function(_, key)
      error(("assignment to global '%s' (use local)"):format(key), 2)
    end,
    __metatable = false,
  })
  protected[env] = true
  local library = standIn or libraryOf(dir)
  library.include = includer(dir, prefix, env)
  contents.lab = readOnly("lab", library)
  contents.load = loader(env)
  contents._G = env
  setmetatable(contents, { __index = refuseAbsent })
  return env
end
