-- SPDX-License-Identifier: MIT
-- Execution traces as `go tool trace` reads them.
--
--   local trace = require "trace"
--   trace.events(file)          -> list of { ts =, type =, p =, g =, stack =, ... }; ts in ns
--   trace.count(events)         -> type -> number
--   trace.profile(file, kind)   -> function(name) -> ms, with its callees (net|sync|syscall|sched)
--   trace.pages(file[, go])     opens the viewer and fetches every page it has
--                               -> path -> body; raises if one fails
--   trace.others()              -> paths of further versions' go: those that
--                               TRACE_GO_VERSIONS names (split by spaces), or
--                               what Debian installs beside its default
--   trace.accepted(file, go)    raises if that version refuses any of it
local t = require "harness"
local trace = {}

function trace.events(file)
  local dump = t.run("go tool trace -d " .. t.quote(file) .. " 2>&1")
  if dump.code ~= 0 then error("go tool trace: " .. dump.out:sub(1, 600)) end
  local events = {}
  for line in dump.out:gmatch("[^\n]+") do
    local ts, kind, p, g, rest = line:match("^(%d+) (%a+) p=(%-?%d+) g=(%d+) off=%d+(.*)$")
    if ts then
      local event = { ts = tonumber(ts), type = kind, p = tonumber(p), g = tonumber(g), args = {} }
      for key, value in rest:gmatch("(%w+)=(%S+)") do event.args[key] = value end
      events[#events + 1] = event
    end
  end
  if #events == 0 then error("no events: " .. dump.out:sub(1, 600)) end
  return events
end

function trace.count(events)
  local n = setmetatable({}, { __index = function() return 0 end })
  for _, event in ipairs(events) do n[event.type] = n[event.type] + 1 end
  return n
end

function trace.profile(file, kind)
  local profile = file .. "." .. kind
  local made = t.run(("go tool trace -pprof=%s %s >%s"):format(kind, t.quote(file), t.quote(profile)))
  if made.code ~= 0 then error(kind .. ": " .. made.err) end
  local top = t.run("go tool pprof -top -cum -unit=ms -nodefraction=0 -nodecount=10000 " .. t.quote(profile)).out
  return function(name)
    for line in top:gmatch("[^\n]+") do
      local ms, of = line:match("^%s*%S+%s+%S+%s+%S+%s+([%d.]+)m?s?%s+%S+%s+(%S+)")
      if of == name then return tonumber(ms) end
    end
    return 0, top
  end
end

local function plain(link)
  return (link:gsub("&amp;", "&"):gsub("#.*", ""))
end

local FIXED = { "/", "/trace", "/jsontrace", "/goroutines", "/usertasks", "/userregions", "/mmu",
  "/mmuPlot?flags=stw|background|assist", "/io", "/block", "/syscall", "/sched", "/io?raw=1", "/block?raw=1",
  "/syscall?raw=1", "/sched?raw=1" }

function trace.pages(file, go)
  local tool = t.run((go or "go") .. " env GOTOOLDIR").out:gsub("%s", "") .. "/trace"
  local viewer = t.spawn(t.command { tool, "-http=127.0.0.1:0", file })
  local url = t.eventually(function()
    if not viewer:alive() then error("the viewer ended: " .. viewer:err():sub(1, 600), 0) end
    return viewer:err():match("listening on (http://%S+)")
  end, 30)
  local bodies = {}
  local function fetch(path)
    if bodies[path] then return end
    local answer = t.http(url .. path:gsub("|", "%%7C"), "--globoff")
    if answer.status ~= 200 or #answer.body == 0 then
      error(("%s: %s %s"):format(path, answer.status or answer.failure, answer.body:sub(1, 300)))
    end
    bodies[path] = answer.body
  end
  local function follow(path, pattern, most)
    for link in bodies[path]:gmatch(pattern) do
      if most == 0 then break end
      most = most - 1
      fetch(plain(link):gsub("^([^/])", "/%1"), nil)
    end
  end
  for _, path in ipairs(FIXED) do fetch(path) end
  follow("/goroutines", 'href="(/?goroutine%?id=[^"]+)"', 20)
  follow("/usertasks", 'href="(/?usertask%?type=[^"&]+)"', 5)
  follow("/userregions", 'href="(/?userregion%?[^"&]+&amp;pc=%w+)"', 5)
  local lists = {}
  for path in pairs(bodies) do lists[#lists + 1] = path end
  for _, path in ipairs(lists) do
    if path:find("^/usertask%?") or path:find("^/goroutine%?") then
      follow(path, 'href="(/?trace%?[^"#]+)', 2)
    end
  end
  viewer:signal("KILL")
  viewer:wait()
  if viewer:err():find("panic", 1, true) then error(viewer:err():sub(1, 600)) end
  return bodies
end

function trace.others()
  local list = os.getenv("TRACE_GO_VERSIONS")
  list = list or t.run("ls -d /usr/lib/go-1.2*/bin/go 2>/dev/null").out
  local paths = {}
  for path in list:gmatch("%S+") do paths[#paths + 1] = path end
  return paths
end

-- Since 1.22, -d wants a number: 1 prints the events.
function trace.accepted(file, go)
  for _, flag in ipairs { "-d", "-pprof=net", "-pprof=sync", "-pprof=syscall", "-pprof=sched" } do
    local made = t.run(("%s tool trace %s %s"):format(go, flag, t.quote(file)))
    if made.code ~= 0 and flag == "-d" then
      made = t.run(("%s tool trace -d=1 %s"):format(go, t.quote(file)))
    end
    if made.code ~= 0 or #made.out == 0 then error(("%s %s: %s"):format(go, flag, made.err:sub(1, 600))) end
  end
  trace.pages(file, go)
end

return trace
