-- SPDX-License-Identifier: MIT
-- Labels of profiles' samples, as sentences of a lesson may ask for them by `tag`.
--
-- tags.lua(host) -> tags
-- tags.problem(profile, tag, program) -> what is wrong with it, or nil
-- tags.states: a list, the values of the label state
--
-- profile: "cpu", "wall" ...; tag: { key = value }, one pair
-- program: { slug, routes = { ... }, keys = { [key] = true } or nil: any }; keys are
--   the labels that the program sets by lab.label

local host = ...
local tags = {}

-- In the words of goroutine profiles; the waits are task/task.c's.
tags.states = { "running", "runnable", "sleep", "syscall", "join", "sync.Mutex.Lock", "sync.RWMutex.RLock",
  "sync.RWMutex.Lock", "sync.WaitGroup.Wait", "chan send", "chan receive", "select", "select (no cases)", "IO wait",
  "pool wait", "primitive wait" }

local function setOf(list)
  local set = {}
  for _, item in ipairs(list) do set[item] = true end
  return set
end

local STATES = setOf(tags.states)

-- The labels that samples of PROFILE can have.
local function keysOf(profile, program)
  local keys = {}
  if profile == "threadcreate" then return keys end
  for key in pairs(program.keys or {}) do keys[key] = true end
  keys.route, keys.step = true, true
  if profile == "wall" then keys.state = true end
  if profile == "heap" then keys.bytes = true end
  return keys
end

local function listOf(set)
  local list = {}
  for key in pairs(set) do list[#list + 1] = key end
  table.sort(list)
  return #list > 0 and "possible are: " .. table.concat(list, ", ") or "they have none"
end

local function problemOfValue(what, value, known)
  if known[value] then return nil end
  return ("no sample has %s = '%s'%s; %s"):format(what, value, host.did_you_mean(value, known), listOf(known))
end

function tags.problem(profile, tag, program)
  local key, value = next(tag)
  local keys = keysOf(profile, program)
  if not keys[key] and (program.keys or key == "state" or profile == "threadcreate") then
    local elsewhere = key == "state" and "; only wall profiles have it" or ""
    return ("no sample of a %s profile has the label '%s'%s; %s%s"):format(profile, key,
      host.did_you_mean(key, keys), listOf(keys), elsewhere)
  elseif key == "state" then
    return problemOfValue(key, value, STATES)
  elseif key == "step" then
    return problemOfValue(key, value, { [program.slug] = true })
  elseif key == "route" then
    local routes = setOf(program.routes)
    routes["/"] = true
    return problemOfValue(key, value, routes)
  end
end

-- The keys of labels that a program's TEXT sets, added to KEYS. False: it may set
-- others, too, whose names only a run would show.
function tags.collect(text, keys)
  local calls, literal = select(2, text:gsub("lab%.label%f[^%w_]", "")), 0
  for key in text:gmatch("lab%.label%s*%(%s*[\"']([^\"'\\\n]+)[\"']") do
    keys[key] = true
    literal = literal + 1
  end
  return literal == calls
end

return tags
