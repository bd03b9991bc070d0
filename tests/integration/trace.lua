-- SPDX-License-Identifier: MIT
-- Execution traces as `go tool trace` reads them.
--
--   local trace = require "trace"
--   trace.take_once(lab, seconds, work[, query])  takes a trace, and calls WORK when it
--                               has begun -> the file; whether all of WORK is in it:
--                               SECONDS have not passed since it was asked for;
--                               whether its client went on after WORK
--   trace.take(lab, at_least, work[, query])  likewise, of so many seconds or more that
--                               all of WORK is in it: WORK is done again if it took
--                               too long -> the file
--   trace.events(file)          -> list of { ts =, type =, p =, g =, args =, rest = }; ts in
--                               ns; args: key -> word, from the whole line's rest
--   trace.count(events)         -> type -> number
--   trace.measured(text)        -> key -> number, of each key=number: what a scenario
--                               of the tests says of its waits, in ms
--   trace.converts()            -> whether this Go converts our format to its own:
--                               its syscall and sched profiles are wrong then,
--                               as the handbook says
--   trace.take_known(lab, step) -> what /known of STEP measures, in a trace: { ms = of
--                               trace.measured, net, sync = of trace.profile, block =
--                               the profile block of the same visit }
--   trace.waits_in_net(known, caller, least, most)  in that trace CALLER waits for so many
--                               ms, as net; and not in sync, nor in block
--   trace.profile(file, kind)   -> function(name) -> ms, with its callees (net|sync|syscall|sched)
--   trace.pages(file[, go[, most]])  opens the viewer and fetches every page that
--                               has a link, of each sort at most so many (5; in
--                               long tests 12) -> path -> body; raises if one
--                               fails
--   trace.others()              -> paths of further versions' go: those that
--                               TRACE_GO_VERSIONS names (split by spaces), or
--                               what Debian installs beside its default, and what
--                               tools/fetch-go has fetched
--   trace.parses(file, go)      raises if that version refuses the file
--   trace.accepted(file, go)    or any of its profiles or pages
local t = require "harness"
local trace = {}
local LONG = os.getenv("LAB_LONG") ~= nil

-- 1.19 is 19
local function go_version(go)
  return tonumber(t.run((go or "go") .. " version").out:match("go1%.(%d+)"))
end

function trace.take_once(lab, seconds, work, query)
  local file, asked = t.temp_dir() .. "/trace.out", t.now()
  local curl = t.spawn(("curl -sSN -o %s '%s/debug/pprof/trace?seconds=%g%s'"):format(file, lab.url, seconds,
    query or ""))
  t.eventually(function() return #(t.read(file) or "") > 0 or not curl:alive() end)
  if work then work() end
  local whole, goes_on = t.now() < asked + seconds, curl:alive()
  t.equal(curl:wait(seconds + 60), 0, "curl's exit code")
  return file, whole, goes_on
end

function trace.take(lab, at_least, work, query)
  return (t.enough(function(seconds) return trace.take_once(lab, seconds, work, query) end,
    function(_, whole) return whole or not work end, at_least))
end

function trace.measured(text)
  local ms = {}
  for key, value in text:gmatch("(%a+)=([%d.]+)") do ms[key] = tonumber(value) end
  return ms
end

function trace.converts()
  return go_version() >= 23
end

function trace.events(file)
  local dump = t.run(("lua5.4 %s/tests/integration/trace_dump.lua %s"):format(t.quote(t.source), t.quote(file)))
  if dump.code ~= 0 then error("go tool trace: " .. dump.out:sub(1, 600)) end
  local events = {}
  for line in dump.out:gmatch("[^\n]+") do
    local ts, kind, p, g, rest = line:match("^(%d+) (%a+) p=(%-?%d+) g=(%d+) off=%d+(.*)$")
    if ts then
      local event = { ts = tonumber(ts), type = kind, p = tonumber(p), g = tonumber(g), args = {}, rest = rest }
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

function trace.take_known(lab, step)
  local ms
  local file = trace.take(lab, 2, function()
    t.equal(lab:go_to(step).status, 200)
    local answer = lab:get("/known")
    if answer.status ~= 200 then error(lab:details(answer)) end
    ms = trace.measured(answer.body)
  end)
  return { ms = ms, net = trace.profile(file, "net"), sync = trace.profile(file, "sync"),
    block = t.pprof.top(lab.url .. "/debug/pprof/block") }
end

-- `block` is of tasks that wait for each other, as in Go.
function trace.waits_in_net(known, caller, least, most)
  t.between(known.net(caller), least, most, "ms of the trace in " .. caller)
  t.equal(known.sync(caller), 0, caller .. " in sync")
  t.equal(known.block[caller], nil, caller .. " in block")
end

-- ---- the viewer's pages -------------------------------------------------------

local ENTITIES = { amp = "&", lt = "<", gt = ">", quot = '"' }
local function plain(link)
  link = link:gsub("&#(%d+);", function(code) return utf8.char(tonumber(code)) end)
  link = link:gsub("&(%a+);", ENTITIES):gsub("#.*", "")
  return (link:gsub('[|" \\<>{}]', function(c) return ("%%%02X"):format(c:byte()) end))
end

local FIRST = { "/", "/trace", "/goroutines", "/usertasks", "/userregions", "/mmu", "/io?raw=1", "/block?raw=1",
  "/syscall?raw=1", "/sched?raw=1" }
-- The same four as pictures, which take dot longer than all the rest: of a test's
-- first trace, and of each one where time doesn't matter.
local PICTURES = { "/io", "/block", "/syscall", "/sched" }
local drawn = false

-- What a page's script asks for. The MMU's differ between versions.
local WINDOWS = "window=1000000&flags=stw|background"
local function asked_by_script(path, body)
  if path:find("^/trace") then return { (path:gsub("^/trace", "/jsontrace")) } end
  if path ~= "/mmu" then return {} end
  if body:find("/mmuPlot", 1, true) then
    return { "/mmuPlot?flags=stw|background|assist", "/mmuPlot?flags=stw|mut", "/mmuDetails?" .. WINDOWS }
  end
  return { "/mmu?mode=plot&flags=stw|background|assist", "/mmu?mode=details&" .. WINDOWS }
end

-- The links of a page: in HTML, with quotes or without, and in the MMU's JSON.
local function links_of(path, body)
  local links = asked_by_script(path, body)
  if path:find("^/jsontrace") or path:find("raw=1", 1, true) then return links end
  for _, pattern in ipairs { 'href="([^"]+)"', "href=([^\"'>%s]+)", '"URL":"([^"]+)"' } do
    for link in body:gmatch(pattern) do
      link = link:gsub("\\u(%x%x%x%x)", function(code) return utf8.char(tonumber(code, 16)) end)
      if not link:find("^%a+:") and not link:find("static/", 1, true) and not link:find("^#") then
        links[#links + 1] = link:gsub("^([^/])", "/%1")
      end
    end
  end
  return links
end

-- Fetches a list of paths in one go, in their order, into BODIES.
local function fetch(url, paths, bodies)
  local dir, config = t.temp_dir(), {}
  for i, path in ipairs(paths) do
    config[i] = ('url = "%s%s"\noutput = "%s/%d"\n'):format(url, path, dir, i)
  end
  local made = t.run("curl -sS --globoff --max-time 120 -w '%{http_code}\\n' -K -", table.concat(config))
  local i = 0
  for code in made.out:gmatch("%d+") do
    i = i + 1
    local body = t.read(dir .. "/" .. i) or ""
    -- Go 1.23 makes a user task 0 of every parent that isn't there, and has no page for it.
    local none = paths[i]:find("^/jsontrace%?%a+=0$")
    if code ~= "200" or (#body == 0 and not none) then error(("%s: %s %s"):format(paths[i], code, made.err .. body:sub(1, 600))) end
    bodies[paths[i]] = body
    os.remove(dir .. "/" .. i)
  end
  if i ~= #paths then error(("%d of %d pages: %s"):format(i, #paths, made.err)) end
end

-- Every page that one can come to by links, but of each sort at most MOST: a
-- trace of 100,000 tasks has as many pages.
local function crawl(url, most)
  local bodies, seen, sorts = {}, {}, {}
  local level = table.move(FIRST, 1, #FIRST, 1, {})
  if not drawn or LONG then table.move(PICTURES, 1, #PICTURES, #level + 1, level) end
  drawn = true
  for _, path in ipairs(FIRST) do seen[path] = true end
  for _, path in ipairs(PICTURES) do seen[path] = true end
  while #level > 0 do
    fetch(url, level, bodies)
    local next_level = {}
    for _, path in ipairs(level) do
      for _, link in ipairs(links_of(path, bodies[path])) do
        link = plain(link)
        local sort = link:match("^[^?]*%??%a*")
        if not seen[link] and (sorts[sort] or 0) < most then
          seen[link], sorts[sort] = true, (sorts[sort] or 0) + 1
          next_level[#next_level + 1] = link
        end
      end
    end
    level = next_level
  end
  return bodies
end

function trace.pages(file, go, most)
  local tool = t.run((go or "go") .. " tool -n trace").out:match("[^\n]+") -- 1.25 and later have made it
  local viewer = t.spawn("env BROWSER=true " .. t.command { tool, "-http=127.0.0.1:0", file })
  local url = t.eventually(function()
    if not viewer:alive() then error("the viewer ended: " .. viewer:err():sub(1, 2000), 0) end
    return viewer:err():match("listening on (http://%S+)")
  end, 60)
  local ok, bodies = pcall(crawl, url, most or (LONG and 12 or 5))
  viewer:signal("KILL")
  viewer:wait()
  if not ok or viewer:err():find("panic", 1, true) then
    error(("%s\n%s"):format(ok or bodies, viewer:err():sub(1, 2000)), 0)
  end
  return bodies
end

function trace.others()
  local list = os.getenv("TRACE_GO_VERSIONS")
  list = list or t.run(("ls -d /usr/lib/go-1.2*/bin/go %s/build/go/1.*/usr/lib/go-*/bin/go 2>/dev/null"):format(
    t.quote(t.source))).out
  local paths = {}
  for path in list:gmatch("%S+") do paths[#paths + 1] = path end
  return paths
end

local function check_flag(file, go, flag)
  local out = file .. ".checked"
  local made = t.run(("%s tool trace %s %s >%s && test -s %s"):format(go, flag, t.quote(file), out, out))
  if made.code ~= 0 then error(("%s %s: %s"):format(go, flag, made.err:sub(1, 600))) end
end

-- 1.22 wants a number, 1 for events; later versions want a word.
function trace.parses(file, go)
  local version = go_version(go)
  check_flag(file, go, version < 22 and "-d" or version == 22 and "-d=1" or "-d=parsed")
end

function trace.accepted(file, go)
  trace.parses(file, go)
  for _, kind in ipairs { "net", "sync", "syscall", "sched" } do check_flag(file, go, "-pprof=" .. kind) end
  trace.pages(file, go, 6)
end

return trace
