-- SPDX-License-Identifier: MIT
-- Attacks, one after the other: bad clients in crowds, and steps that do their
-- worst. Meanwhile honest clients ask for /status, /goto and `/` again and
-- again: /status is always answered, and in time; /goto too. Afterwards the lab
-- has given everything back. Prints a table.
-- needs: processor
--
-- ATTACK=text chooses the attacks whose names contain the text;
-- ATTACK_CLIENTS and ATTACK_SECONDS are the size of each.
local t = require "harness"
local attacks = require "attacks"
t.need("curl", "cc", "ps")

local LONG = os.getenv("LAB_LONG") ~= nil
local CLIENTS = tonumber(os.getenv("ATTACK_CLIENTS") or LONG and 19500 or 600)
local SECONDS = tonumber(os.getenv("ATTACK_SECONDS") or LONG and 2 or 0.3)
local CHOSEN = os.getenv("ATTACK") or ""
-- Beside other programs the lab waits for a processor, too: as often as the
-- slowest of the honest clients' other requests, and some times more, because
-- an answer is made by several threads.
local LIMIT_MS, LEAVING_MS, HOPS = 100, 1000, 20

local rows = {}

-- Back in step 0, everything is given back. -> the census
local function check_given_back(lab, before)
  local now
  t.eventually(function() return lab:leave("--max-time", "30").status == 200 end, 60)
  local ok = pcall(t.eventually, function()
    now = attacks.take_census(lab)
    return attacks.describe_rest(now, before) == ""
  end, 60)
  if not ok then
    for kind, n in pairs(now.kinds) do print("     ", kind, n, before.kinds[kind]) end
  end
  t.check(ok, "left behind: " .. attacks.describe_rest(now, before))
  return now
end

local function print_row(name, probe, got, now, before)
  local status, switch, app = probe.status, probe["goto"], probe.app or { lost = 0, p100 = 0 }
  if app.lost > 0 then got = got .. ", / lost " .. app.lost end
  rows[#rows + 1] = ("%-32s %6.1f %6.1f %6.1f  %6.1f %6.1f  %7.1f  %6.1f %6.1f  %+5.1f  %s"):format(name,
    status.p50, status.p99, status.p100, switch.p50, switch.p100, app.p100, probe.peer.p100, probe.sleep.p100,
    now.rss - before.rss, got)
  if LONG then print("     " .. rows[#rows]) end
end

-- The last request may be on its way.
local function count_refused(one) return one.n - (one[200] or 0) - one.late - 1 end

local function check_honest(lab, probe, attack)
  local status, switch = probe.status, probe["goto"]
  local machine = HOPS * math.max(probe.peer.p100, probe.sleep.p100)
  t.check(lab:alive(), "it lives")
  t.equal(status.lost, 0, status.text)
  t.between(status.late, 0, status.n / 20, status.text)
  t.check(count_refused(status) <= 0, "not answered with 200: " .. status.text)
  t.between(status.p100, 0, LIMIT_MS + machine, status.text .. "\n" .. probe.peer.text)
  t.equal(switch.lost, 0, switch.text)
  t.between(switch.p100, 0, (attack.is_step and LEAVING_MS or LIMIT_MS) + machine,
    switch.text .. "\n" .. probe.peer.text)
  t.check(attack.storm or count_refused(switch) <= 0, "not answered with 200: " .. switch.text)
end

-- A step that takes long to enter: it is entered once, and left once.
local function enter_slowly(lab, path)
  local switch = t.spawn(t.command { "curl", "-s", "--max-time", SECONDS * 40, lab.url .. path })
  switch:wait(SECONDS * 40)
end

local function leave_once(lab)
  local answer = lab:leave("--max-time", "30")
  local ms = answer.seconds * 1000
  return { n = 1, p50 = ms, p99 = ms, p100 = ms, late = 0, lost = answer.status and 0 or 1, [answer.status or 0] = 1,
    text = "goto: " .. (answer.failure or answer.body) }
end

-- Runs ATTACK against LAB. Meanwhile honest clients switch between two paths.
local function run_attack(lab, attack, switches, before)
  local probe = attacks.start_probe(lab, not attack.slow and switches)
  if attack.slow then enter_slowly(lab, switches[1]:match("^[^@]+")) end
  t.sleep(0.1)
  local crowd = attacks.start_crowd(lab, attack.crowd or attack, CLIENTS)
  t.eventually(function() return crowd:out() ~= "" end) -- each has come
  local stop = t.now() + SECONDS
  repeat
    t.sleep(0.05)
    if attack.also then attack.also(lab) end
  until t.now() >= stop
  local left = attack.slow and leave_once(lab)
  local seen = attacks.read_probe(probe)
  seen["goto"] = left or seen["goto"]
  crowd:signal("TERM")
  t.check(crowd:wait(30), "the attackers end")
  local got = crowd:out():match("[^\n]*\n$"):gsub("\n", "")
  if attack.wanted then t.has(got, " " .. attack.wanted .. "=", attack[1]) end
  check_honest(lab, seen, attack)
  print_row(attack[1], seen, got, check_given_back(lab, before), before)
end

-- The attacks of LIST that are chosen, on the lab that START makes. One that fails
-- doesn't keep the others from being tried, on a new lab.
local function run_attacks(list, start, find_switches)
  local lab, before
  local faults = {}
  attacks.build_tools()
  for i, attack in ipairs(list) do
    if attack[1]:find(CHOSEN, 1, true) and (LONG or not attack.long) then
      if not lab then
        lab = start()
        attacks.warm_up(lab)
        before = attacks.settle(lab)
      end
      local ok, message = pcall(run_attack, lab, attack, find_switches(i), before)
      if not ok then
        faults[#faults + 1] = attack[1] .. ": " .. message
        print("     FAULT " .. faults[#faults])
        lab:signal("KILL")
        lab = nil
      end
    end
  end
  t.equal(table.concat(faults, "\n"), "", "faults")
  if not lab then return end
  t.check(not lab:log():find("Sanitizer", 1, true), "no sanitizer report")
  t.equal(lab:stop(), 0)
end

local function run_crowds(prelude)
  local dir = t.temp_dir()
  attacks.write_scenario(dir, 960, "other", "return { request = function() return 'other' end }")
  for number = 700, 719 do attacks.write_scenario(dir, number, "bad", "error(nil)") end
  rows[#rows + 1] = prelude
  run_attacks(attacks.crowds, function()
    local lab = attacks.start_under(prelude, { dir, t.source .. "/scenarios" }, "--usr2-seconds", "1")
    lab.scenarios = dir
    return lab
  end,
    function() return { "/goto?step=960", "/goto?step=0" } end)
end

local function run_steps(prelude)
  local dir, chosen = t.temp_dir(), {}
  attacks.write_steps(dir)
  for _, attack in ipairs(attacks.steps) do
    if attack.under == prelude then chosen[#chosen + 1] = attack end
  end
  rows[#rows + 1] = "steps; " .. prelude:match("[^\n]*")
  run_attacks(chosen, function() return attacks.start_under(prelude, { dir, t.source .. "/scenarios" }) end,
    function(i) return { ("/goto?step=%d@200"):format(chosen[i].number), "/goto?step=0@20" } end)
end

local PRELUDES = { "", attacks.few_bytes, attacks.small_disk, attacks.full_pipe }

-- ---- the tests --------------------------------------------------------------------------

t.long("crowds of clients, and few descriptors", function() run_crowds "ulimit -n 256" end)

t.long("steps that do their worst", function()
  for _, prelude in ipairs(PRELUDES) do run_steps(prelude) end
end)

-- In the queue of all others it would take as long as they do.
t.long("/status doesn't wait for those who want something longer", function()
  attacks.build_tools()
  local lab = t.start()
  local want = ("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"):rep(20)
  local crowd = attacks.start_crowd(lab, { first = "", next = want }, 200)
  t.eventually(function() return crowd:out() ~= "" end)
  local probe = attacks.start_probe(lab, nil, "/metrics")
  t.sleep(3)
  local seen = attacks.read_probe(probe)
  print(("     /status: %.1f ms, /metrics: %.1f ms in the median"):format(seen.status.p50, seen.app.p50))
  t.check(seen.status.p50 < seen.app.p50 / 2, "/status doesn't wait")
  t.equal(lab:stop(), 0)
end)

t.long("20,000 clients", function()
  for _, limit in ipairs { "-Sn 64", "-Sn 1024", "-n 1024", "-n 64" } do run_crowds("ulimit " .. limit) end
end)

print(("     %-32s %6s %6s %6s  %6s %6s  %7s  %6s %6s  %5s"):format("(ms)", "status", "p99", "p100", "goto",
  "p100", "/ p100", "peer", "sleep", "RSS"))
for _, row in ipairs(rows) do print("     " .. row) end
t.finish()
