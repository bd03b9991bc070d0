-- SPDX-License-Identifier: MIT
-- Many switches between all steps of the course, all scenarios of the tests and
-- hostile ones, while clients scrape all profiles, record traces, list steps and
-- load `/`. A step whose lesson has a load gets it, too; some of these loads go on
-- while the next step is entered. Then the lab has as many descriptors, tasks,
-- threads, children and temporary files as before, and about as much memory.
-- needs: processor
--
-- In the environment: SOAK_SWITCHES is how many, SOAK_SECONDS is for how long
-- instead; SOAK_STEPS=course takes only the steps of the course; SOAK_SEED is the
-- seed of the order, which a run prints.
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

local COURSE, OWN = t.source .. "/scenarios", t.source .. "/tests/integration/scenarios"
local COURSE_ONLY = os.getenv("SOAK_STEPS") == "course"
t.check(COURSE_ONLY or not os.getenv("SOAK_STEPS"), "SOAK_STEPS is course, or isn't set")
local FIRST_OWN = 1000 -- is added to the numbers of the tests' scenarios: the course has some of them, too

-- The numbers and names of the scenarios in DIR.
local function numbered(dir)
  local list = {}
  for _, name in ipairs(t.names(dir)) do
    local number, slug = name:match("^(%d+)%-(.+)$")
    if number then list[#list + 1] = { number = math.tointeger(tonumber(number)), slug = slug, name = name } end
  end
  return list
end

-- The numbers of all steps that it switches between. of_course: { [4] = true }.
local function list_steps()
  local list, of_course = {}, {}
  for _, step in ipairs(numbered(COURSE)) do
    list[#list + 1] = step.number
    of_course[step.number] = true
  end
  if COURSE_ONLY then return list, of_course end
  for _, attack in ipairs(attacks.steps) do
    if not attack.slow and attack.under == "" then list[#list + 1] = attack.number end
  end
  for _, own in ipairs(numbered(OWN)) do list[#list + 1] = FIRST_OWN + own.number end
  return list, of_course
end

local HOSTILE = 20 -- folders with scenarios that nobody selects; each costs its reader a while

-- Writes what isn't of the course into DIR.
local function write_others(dir)
  attacks.write_steps(dir)
  for number = 700, 700 + HOSTILE - 1 do
    attacks.write_scenario(dir, number, "bad", attacks.bad[number % #attacks.bad + 1])
  end
  for _, own in ipairs(numbered(OWN)) do
    local copy = ("%s/%d-%s"):format(dir, FIRST_OWN + own.number, own.slug)
    t.equal(t.run(t.command { "cp", "-r", OWN .. "/" .. own.name, copy }).code, 0, copy)
  end
end

-- Two lines for each request would fill the disk.
local SHORT_LOG = [[mkfifo DIR/log
grep --line-buffered -a -v -e 'Starting processing' -e 'Request processed' <DIR/log >&2 & exec 2>DIR/log]]

local function start_lab()
  attacks.build_tools()
  if COURSE_ONLY then return attacks.start_under(SHORT_LOG, { COURSE }) end
  local dir = t.temp_dir()
  write_others(dir)
  return attacks.start_under(SHORT_LOG, { COURSE, dir })
end

-- A script of wrk's with a request of each client each 4 ms. A step of the course
-- has its own load, which is what should keep it busy.
local function pace()
  if not COURSE_ONLY then return "" end
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

-- What is in RSS: the heap, its pages that are used in part, or kept by threads, or
-- idle; and the tables.
local function describe_memory(lab)
  local vars = lab:vars()
  local parts = { heap = vars("HeapAlloc"), cached = vars("MCacheInuse"), slabs = vars("MSpanInuse"),
    ["in part"] = vars("HeapInuse") - vars("HeapAlloc") - vars("MCacheInuse"),
    idle = vars("HeapIdle") - vars("HeapReleased"), ["stacks' tables"] = vars("BuckHashSys"), other = vars("OtherSys") }
  local told = {}
  for name, bytes in pairs(parts) do told[#told + 1] = ("%s %.1f"):format(name, bytes / 1e6) end
  table.sort(told)
  return table.concat(told, ", ")
end

local function print_progress(lab, switches, refused, census)
  print(("     %d switches (%d refused): %d descriptors, %d threads, %d children, %d tasks, %.1f MB (%s)"):format(
    switches, refused, census.fds, census.threads, census.children, census.tasks or -1, census.rss,
    describe_memory(lab)))
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

-- ---- the loads of lessons -------------------------------------------------------

local loads = { begun = 0, sent = 0 } -- of them all

-- Begins the load of the step that the lab is in -> is there one?
local function begin_load(lab)
  local answer = lab:post("/lab/api/load", "")
  t.check(answer.status == 202 or answer.status == 404, ("the load: %s %s"):format(answer.status, answer.body))
  if answer.status == 202 then loads.begun = loads.begun + 1 end
  return answer.status == 202
end

-- How many requests the load has sent; and whether it runs still.
local function look_at_load(lab)
  local body = lab:get("/lab/api/load").body
  return tonumber(t.match(body, '"sent": ?(%d+)')), body:find('"running": ?true') ~= nil
end

-- Ends the load, and waits for that.
local function end_load(lab)
  t.equal(lab:get("/lab/api/load", "-X", "DELETE").status, 200)
  local sent = t.eventually(function()
    local n, runs = look_at_load(lab)
    return not runs and n
  end)
  loads.sent = loads.sent + sent
end

-- ---- switching ------------------------------------------------------------------

-- For as long as any stays in a step, so that each reaches its largest size: some
-- memory describes the largest heap that there ever was, and stays.
local LONGEST = 1

-- Each step once, in their order. One of the course is entered, and gets its load.
local function use_everything(lab, steps, of_course)
  local clients = start_clients(lab)
  for _, number in ipairs(steps) do
    if of_course[number] then
      t.eventually(function() return switch_once(lab, number) end)
      if begin_load(lab) then
        t.eventually(function() return look_at_load(lab) > 0 end)
        t.sleep(LONGEST)
        end_load(lab)
      else
        t.equal(number, 0, "a step of the course without a load")
      end
    else
      switch_once(lab, number)
      t.sleep(LONGEST / 2)
    end
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

-- The steps in an order of chance, each once; then in another one.
local function shuffled(steps)
  local left = {}
  return function()
    if #left == 0 then table.move(steps, 1, #steps, 1, left) end
    return table.remove(left, math.random(#left))
  end
end

-- Stays in the step for a while, with its load. -> does the load run still?
local function stay(lab, of_course)
  if not of_course or not begin_load(lab) then
    t.sleep(math.random() * 0.2)
    return false
  end
  t.sleep(math.random() * LONGEST)
  if math.random(2) == 1 then return true end
  end_load(lab)
  return false
end

-- Switches to STEPS at random, beside all clients, until ENDED(switches) is true.
-- Returns how many there were, and how many were refused.
local function switch_at_random(lab, steps, of_course, ended)
  local clients, next_step = start_clients(lab), shuffled(steps)
  local switches, refused, loaded = 0, 0, false
  while not ended(switches) do
    local number = next_step()
    local entered = switch_once(lab, number)
    if loaded then end_load(lab) end
    loaded = stay(lab, entered and of_course[number])
    if not entered then refused = refused + 1 end
    switches = switches + 1
    if switches % 100 == 0 then print_progress(lab, switches, refused, attacks.take_census(lab)) end
  end
  back_to_start(lab)
  if loaded then end_load(lab) end
  end_clients(clients)
  back_to_start(lab)
  return switches, refused
end

local SEED = tonumber(os.getenv("SOAK_SEED")) or os.time()

-- The names that profiles have shown stay, as Go's do: most are met at first, and
-- then fewer and fewer. So there are rounds of SWITCHES before, until one has added
-- hardly any memory, or up to MOST of them -> what the lab has then.
local SWITCHES, MOST, HARDLY = 200, 6, 1.03
local function meet_names(lab, steps, of_course)
  local before
  for _ = 1, MOST do
    switch_at_random(lab, steps, of_course, function(n) return n == SWITCHES end)
    local now = attacks.settle(lab)
    print_progress(lab, 0, 0, now)
    if before and now.rss < before.rss * HARDLY then return now end
    before = now
  end
  return before
end

local function soak(wanted, seconds)
  local steps, of_course = list_steps()
  print(("     %d steps, SOAK_SEED=%d"):format(#steps, SEED))
  math.randomseed(SEED)
  local lab = start_lab()
  attacks.warm_up(lab)
  use_everything(lab, steps, of_course)
  local before = meet_names(lab, steps, of_course)
  local stop = t.now() + (seconds or 0)
  local switches, refused = switch_at_random(lab, steps, of_course, function(n)
    if seconds then return t.now() >= stop end
    return n == wanted
  end)
  local now
  local same = pcall(t.eventually, function()
    now = attacks.take_census(lab)
    return attacks.describe_rest(now, before) == "" and now.rss < before.rss * 1.1
  end, 60)
  print_progress(lab, switches, refused, now)
  print(("     %d loads of lessons with %d requests"):format(loads.begun, loads.sent))
  check_log(lab)
  t.check(same, ("left behind: %s; %.1f MB, then %.1f"):format(attacks.describe_rest(now, before), before.rss, now.rss))
  t.equal(lab:stop(), 0)
end

t.long("a thousand switches give everything back", function()
  soak(tonumber(os.getenv("SOAK_SWITCHES") or 1000), tonumber(os.getenv("SOAK_SECONDS")))
end)

t.finish()
