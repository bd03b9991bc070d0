-- SPDX-License-Identifier: MIT
-- Many switches between all scenarios, those of the tests and hostile ones,
-- while clients scrape all profiles, record traces, list steps and load `/`.
-- Then the lab has as many descriptors, tasks, threads, children and temporary
-- files as before, and about as much memory.
-- needs: processor
--
-- SOAK_SWITCHES is how many; SOAK_SECONDS is for how long instead.
local t = require "harness"
local attacks = require "attacks"
t.need("curl", "cc", "ps", "wrk")
local PPROF = "/debug/pprof/"
local PROFILES = { "allocs", "block", "goroutine", "goroutineleak", "heap", "lab.OpenFiles", "mutex", "threadcreate",
  "wall" }

-- Those of a scraper: what a student is given would be kept, as evidence.
local function requests(paths)
  local list = {}
  for i, path in ipairs(paths) do
    local last = i == #paths and "Connection: close\r\n" or ""
    list[i] = ("GET %s HTTP/1.1\r\nHost: localhost\r\nUser-Agent: Prometheus/2.45\r\n%s\r\n"):format(path, last)
  end
  return table.concat(list)
end

local function all_profiles()
  local paths = { PPROF .. "profile?seconds=1&hz=997", PPROF .. "heap?gc=1", "/debug/fgprof?seconds=1",
    PPROF .. "goroutine?debug=2", PPROF, "/debug/vars", "/pprof/profile?seconds=1", "/pprof/heap" }
  for _, kind in ipairs(PROFILES) do
    for _, query in ipairs { "debug=0", "debug=1", "seconds=1", "since=start" } do
      paths[#paths + 1] = PPROF .. kind .. "?" .. query
    end
  end
  return requests(paths)
end

-- Each again and again, until the end.
local CLIENTS = {
  { first = all_profiles(), again = 1, most = 2 },
  { first = requests { PPROF .. "trace?seconds=0.3", PPROF .. "trace?seconds=0.3&format=json" }, again = 1, most = 1 },
  { first = requests { "/steps", "/hint", "/status", "/metrics", "/steps?format=json" }, again = 1, most = 1 },
  { first = "GET / HTTP/1.1\r\nHost: localhost\r\nX: ", again = 1, most = 20 },
}

-- The numbers of all steps that it switches between.
local function list_steps()
  local list = { 0, 1, 2, 3, 4, 5, 6 }
  for _, attack in ipairs(attacks.steps) do
    if not attack.slow and attack.under == "" then list[#list + 1] = attack.number end
  end
  for number in t.run("ls " .. t.source .. "/tests/integration/scenarios").out:gmatch("(%d+)%-%S+") do
    list[#list + 1] = math.tointeger(tonumber(number))
  end
  return list
end

-- Folders with scenarios that nobody selects; each costs its reader a while.
local HOSTILE = os.getenv("LAB_LONG") and 20 or 6

-- Two lines for each request would fill the disk.
local SHORT_LOG = [[mkfifo DIR/log
grep --line-buffered -a -v -e 'Starting processing' -e 'Request processed' <DIR/log >&2 & exec 2>DIR/log]]

local function start_lab()
  local dir = t.temp_dir()
  attacks.write_steps(dir)
  for number = 700, 700 + HOSTILE - 1 do
    attacks.write_scenario(dir, number, "bad", attacks.bad[number % #attacks.bad + 1])
  end
  attacks.build_tools()
  return attacks.start_under(SHORT_LOG, { dir, t.source .. "/scenarios", t.source .. "/tests/integration/scenarios" })
end

-- A script of wrk's with a request of each client each 4 ms: all that it would get
-- otherwise costs processors that tests beside this one need, and shows nothing
-- that fewer don't. The long form has a machine of its own.
local function pace()
  if os.getenv("LAB_LONG") then return "" end
  local file = t.temp_file()
  t.write(file, "function delay() return 4 end\n")
  return "-s " .. file
end

local function start_clients(lab)
  local list = {}
  for _, crowd in ipairs(CLIENTS) do list[#list + 1] = attacks.start_crowd(lab, crowd, 20) end
  list[#list + 1] = t.spawn(("wrk -t1 -c4 -d100000s --timeout 30s %s %s/"):format(pace(), lab.url))
  return list
end

local function end_clients(list)
  for _, client in ipairs(list) do client:signal(client.cmd:find("^wrk") and "INT" or "TERM") end
  for i, client in ipairs(list) do
    t.check(client:wait(60), "the client ends: " .. client.cmd)
    local out = client:out()
    print(("     client %d: %s"):format(i, out:match("opened=[^\n]*") or out:match("%d+ requests in[^\n]*")))
  end
end

local function print_progress(lab, switches, refused, census)
  print(("     %d switches (%d refused): %d descriptors, %d threads, %d children, %d tasks, %.1f MB"):format(switches,
    refused, census.fds, census.threads, census.children, census.tasks or -1, census.rss))
  io.stdout:flush()
end

-- One switch. 503 is for a machine that is busy, and for steps that others replace.
local function switch_once(lab, number)
  local answer = lab:get("/goto?step=" .. number, "--max-time", "60")
  t.check(lab:alive(), "it lives")
  t.check(answer.status == 200 or answer.status == 503 or answer.status == 500,
    ("/goto?step=%d: %s %s"):format(number, answer.status, answer.failure or answer.body))
  if answer.status ~= 200 then print(("     /goto?step=%d: %s"):format(number, answer.body:gsub("\n", " "))) end
  return answer.status == 200
end

local function back_to_start(lab)
  t.eventually(function() return lab:leave("--max-time", "60").status == 200 end, 60)
end

local function use_everything(lab, steps)
  local clients = start_clients(lab)
  for _, number in ipairs(steps) do
    switch_once(lab, number)
    t.sleep(0.1)
  end
  back_to_start(lab)
  end_clients(clients)
  back_to_start(lab) -- gives back what their last requests took
end

local function check_log(lab)
  local seen = {}
  for line in lab:log():gmatch("[^\n]+") do
    local text = line:match("^%d+/%d+/%d+ [%d:]+ (.*)")
    if text then
      text = text:gsub("%d+", "N"):sub(1, 100)
      seen[text] = (seen[text] or 0) + 1
    end
  end
  for text, n in pairs(seen) do print("     log:", n, text) end
  t.check(not lab:log():find("Sanitizer", 1, true), "no sanitizer report")
end

-- Switches to STEPS at random, beside all clients, until ENDED(switches) is true.
-- Returns how many there were, and how many were refused.
local function switch_at_random(lab, steps, ended)
  local clients = start_clients(lab)
  local switches, refused = 0, 0
  while not ended(switches) do
    if not switch_once(lab, steps[math.random(#steps)]) then refused = refused + 1 end
    switches = switches + 1
    if switches % 100 == 0 then print_progress(lab, switches, refused, attacks.take_census(lab)) end
    t.sleep(math.random() * 0.2)
  end
  back_to_start(lab)
  end_clients(clients)
  back_to_start(lab)
  return switches, refused
end

local NAMES_ROOM = 5 -- MB

-- FIRST: how many switches come before memory is looked at. The names that profiles
-- have shown stay, as Go's do, and most of them are met in the first 200. Without
-- these there is room for some of them.
local function soak(steps, wanted, seconds, first)
  local lab = start_lab()
  attacks.warm_up(lab)
  use_everything(lab, steps)
  if first then switch_at_random(lab, steps, function(n) return n == first end) end
  local before = attacks.settle(lab)
  print_progress(lab, 0, 0, before)
  local stop = t.now() + (seconds or 0)
  local switches, refused = switch_at_random(lab, steps, function(n)
    if seconds then return t.now() >= stop end
    return n == wanted
  end)
  local now
  local most = first and before.rss * 1.1 or before.rss + NAMES_ROOM
  local same = pcall(t.eventually, function()
    now = attacks.take_census(lab)
    return attacks.describe_rest(now, before) == "" and now.rss < most
  end, 60)
  print_progress(lab, switches, refused, now)
  check_log(lab)
  t.check(same, ("left behind: %s; %.1f MB, then %.1f"):format(attacks.describe_rest(now, before), before.rss, now.rss))
  t.equal(lab:stop(), 0)
end

t.long("some switches give everything back", function() soak(list_steps(), 8) end)

t.long("a thousand switches give everything back", function()
  soak(list_steps(), tonumber(os.getenv("SOAK_SWITCHES") or 1000), tonumber(os.getenv("SOAK_SECONDS")), 200)
end)

t.finish()
