-- SPDX-License-Identifier: MIT
-- The profiles of waiting: block and mutex of contention whose extent the
-- scenario measured itself, through go tool pprof; and since when profiles that
-- only grow tell.
local t = require "harness"
local proto = require "proto"
local socket = require "socket"
t.need("go", "curl", "gzip")

local PPROF = "/debug/pprof/"
local scenarios = t.source .. "/tests/integration/scenarios"

local function in_step(...)
  return t.start_with({ scenarios, t.source .. "/scenarios" }, "--step", "84", ...)
end

local function ask(lab, path)
  local step = path:match("^/goto%?step=(.*)$")
  local answer = step and lab:go_to(step) or lab:get(path)
  t.equal(answer.status, 200, path .. ": " .. answer.body)
  return answer.body
end

-- "COUNT NS" of a route.
local function measured(lab, path)
  local count, ns = ask(lab, path):match("^(%d+) (%d+)$")
  return tonumber(count), tonumber(ns)
end

-- Sums of the samples of a profile whose stack has all of NAMES; nil: of all.
local function sums(raw, ...)
  local values = { 0, 0, 0, 0 }
  for _, sample in ipairs(raw.samples) do
    local there = {}
    for _, location in ipairs(sample.stack) do
      for _, frame in ipairs(location.frames) do there[frame.name] = true end
    end
    local all = true
    for _, name in ipairs { ... } do all = all and there[name] end
    for i, value in ipairs(all and sample.values or {}) do values[i] = values[i] + value end
  end
  return table.unpack(values)
end

local function raw_of(lab, path)
  return t.pprof.raw(lab.url .. PPROF .. path)
end

-- The text form as a file, read by the same tool.
local function raw_of_text(lab, path)
  local file = t.temp_dir() .. "/profile.txt"
  t.write(file, ask(lab, PPROF .. path))
  return t.pprof.raw(file)
end

-- ---- block and mutex -----------------------------------------------------------

t.measured("block and mutex: known contention, to 5 %", function()
  local lab = in_step()
  local count, ns = measured(lab, "/contend?n=20&ms=5")
  t.equal(count, 19)
  local block, mutex = raw_of(lab, "block"), raw_of(lab, "mutex")
  t.equal(table.concat(block.types, " "), "contentions/count delay/nanoseconds")
  t.equal(table.concat(mutex.types, " "), "contentions/count delay/nanoseconds")
  t.equal(block.fields.PeriodType, "contentions count")

  local n, delay = sums(block, "lab.Mutex.lock", "waits.holdLock")
  t.equal(n, 19, "waits for the lock")
  t.near(delay / ns, 1, 0.05, "their delay")
  n, delay = sums(mutex, "lab.Mutex.unlock", "waits.holdLock")
  t.equal(n, 19, "unlocks that others waited for")
  t.near(delay / ns, 1, 0.05, "how long they had waited")
  t.equal(sums(mutex), 19, "nothing else in mutex")
  for _, sample in ipairs(mutex.samples) do
    t.equal(sample.labels.step[1], "waits")
    t.equal(sample.labels.route[1], "/contend")
  end
  t.equal(lab:stop(), 0)
end)

t.measured("block: channels, select, join; no sleep", function()
  local lab = in_step()
  local count, ns = measured(lab, "/receive?n=20&ms=5")
  t.equal(count, 20)
  local asked = t.now()
  ask(lab, "/select?ms=50")
  local took = (t.now() - asked) * 1e3 + 10 -- the clock's hundredths
  local block = raw_of(lab, "block")
  local n, delay = sums(block, "waits.receiveOne")
  t.equal(n, 20)
  t.near(delay / ns, 1, 0.05)
  n, delay = sums(block, "waits.waitForEither")
  t.equal(n, 1)
  t.between(delay / 1e6, 45, took, "ms in select")
  n, delay = sums(block, "waits.waitForEnd")
  t.equal(n, 1)
  t.between(delay / 1e6, 45, took, "ms in join")
  t.equal(sums(block, "lab.sleep"), 0)
  t.equal(#raw_of(lab, "mutex").samples, 0)
  t.equal(lab:stop(), 0)
end)

t.measured("block and wall: a join with a limit is a join", function()
  local lab = in_step()
  local file = t.temp_dir() .. "/wall"
  local took = t.enough(function(seconds)
    ask(lab, "/goto?step=84")
    local ends = t.now() + seconds
    local profile = t.spawn(("curl -sSf -o %s '%s/debug/pprof/wall?seconds=%d'"):format(file, lab.url, seconds))
    lab:wait_profiler(profile)
    local asked = t.now()
    ask(lab, "/join?ms=100")
    local ms, is_whole = (t.now() - asked) * 1e3 + 10, t.now() < ends
    t.equal(profile:wait(), 0)
    return ms, is_whole
  end, function(_, is_whole) return is_whole end)
  local block = raw_of(lab, "block")
  local n, brief = sums(block, "waits.joinBriefly")
  t.equal(n, 2)
  t.between(brief / 1e6, 200, took, "ms in joins that were too short")
  local _, whole = sums(block, "lab.Task.join")
  t.between(whole / 1e6, 290, took, "ms in all")
  local states = {}
  for _, sample in ipairs(t.pprof.raw(file).samples) do
    local state = sample.labels.state[1]
    local _, ns = sums({ samples = { sample } }, "lab.Task.join")
    states[state] = (states[state] or 0) + ns / 1e6
  end
  t.near(states.join, whole / 1e6, 30, "ms in state join")
  t.equal(states.sleep or 0, 0, "ms in state sleep")
  t.equal(lab:stop(), 0)
end)

t.test("block and mutex: the text says the same to the same reader", function()
  local lab = in_step()
  ask(lab, "/contend?n=10&ms=2")
  ask(lab, "/receive?n=10&ms=2")
  for _, name in ipairs { "block", "mutex" } do
    local binary, text = raw_of(lab, name), raw_of_text(lab, name .. "?debug=1")
    t.equal(#text.samples, #binary.samples, name .. ": samples")
    local n, delay = sums(binary)
    local text_n, text_delay = sums(text)
    t.equal(text_n, n, name .. ": contentions")
    t.equal(text_delay, delay, name .. ": delay")
    t.equal(table.concat(text.types, " "), table.concat(binary.types, " "))
  end
  local text = ask(lab, PPROF .. "block?debug=1")
  t.match(text, "^%-%-%- contention:\ncycles/second=1000000000\n%d+ 9 @ 0x")
  local largest = math.huge
  for ns in text:gmatch("\n(%d+) %d+ @") do
    t.check(tonumber(ns) <= largest, "the largest delay first")
    largest = tonumber(ns)
  end
  t.match(ask(lab, PPROF .. "mutex?debug=1"),
    "^%-%-%- mutex:\ncycles/second=1000000000\nsampling period=1\n%d+ 9 @ 0x")
  t.equal(lab:stop(), 0)
end)

t.test("block and mutex: what still waits isn't there", function()
  local lab = in_step()
  t.equal(ask(lab, "/stuck"), "locked")
  local waiting = t.spawn(("curl -sS '%s/stuck'"):format(lab.url))
  t.eventually(function() return lab:get(PPROF .. "goroutine?debug=2").body:find("[sync.Mutex.Lock", 1, true) end)
  t.sleep(0.5)
  t.equal(sums(raw_of(lab, "block")), 0)
  ask(lab, "/goto?step=0")
  t.equal(waiting:wait(), 0)
  t.equal(waiting:out(), "unlocked")
  -- It is over now, but was of the step that was left.
  t.equal(sums(raw_of(lab, "block")), 0)
  local n, delay = sums(raw_of(lab, "block?since=start"), "lab.Mutex.lock")
  t.equal(n, 1)
  t.between(delay / 1e9, 0.4, 60)
  t.equal(lab:stop(), 0)
end)

t.measured("rates: off, and one of many", function()
  local lab = in_step("--blockprofile-rate", "0", "--mutexprofile-fraction", "0")
  ask(lab, "/contend?n=5&ms=1")
  t.equal(#raw_of(lab, "block").samples, 0)
  t.equal(#raw_of(lab, "mutex").samples, 0)
  t.has(ask(lab, PPROF .. "mutex?debug=1"), "\nsampling period=0\n")
  t.equal(lab:stop(), 0)

  -- Waits of 2 ms at a rate of 10 ms: one of five is counted, as five.
  lab = in_step("--blockprofile-rate", "10000000", "--mutexprofile-fraction", "5")
  local count, ns = measured(lab, "/receive?n=500&ms=2")
  local n, delay = sums(raw_of(lab, "block"), "waits.receiveOne")
  t.near(n / count, 1, 0.5, "contentions")
  t.near(delay / ns, 1, 0.5, "delay")
  ask(lab, "/contend?n=400&ms=0.1")
  n = sums(raw_of(lab, "mutex"))
  t.near(n / 399, 1, 0.6, "contentions of mutex")
  t.equal(n % 5, 0)
  t.equal(lab:stop(), 0)
end)

-- ---- since ---------------------------------------------------------------------

-- Buffers of 1,000,000 bytes: how many were made, how many are in use.
local function buffers(lab, path)
  local made, inuse = 0, 0
  for _, sample in ipairs(raw_of(lab, path).samples) do
    local objects, bytes, objects_now, bytes_now = table.unpack(sample.values)
    if bytes == objects * 1000000 and bytes_now == objects_now * 1000000 then
      made, inuse = made + objects, inuse + objects_now
    end
  end
  return made, inuse
end

local function allocated(lab, query)
  return (buffers(lab, "allocs" .. query))
end

t.test("since: what only grows tells of the present step", function()
  local lab = in_step("--memprofile-rate", "1")
  ask(lab, "/allocate?n=5")
  ask(lab, "/contend?n=4&ms=1")
  t.equal(allocated(lab, ""), 5)
  t.equal(sums(raw_of(lab, "mutex")), 3)
  ask(lab, "/goto?step=0")
  t.equal(allocated(lab, ""), 0, "in the next step")
  t.equal(sums(raw_of(lab, "mutex")), 0, "in the next step")
  t.equal(allocated(lab, "?since=start"), 5)
  t.equal(sums(raw_of(lab, "mutex?since=start")), 3)
  ask(lab, "/goto?step=84")
  t.equal(allocated(lab, "?since=step"), 0, "nor on a second visit")
  ask(lab, "/allocate?n=2")
  ask(lab, "/contend?n=2&ms=1")
  t.equal(allocated(lab, ""), 2)
  t.equal(allocated(lab, "?since=start"), 7)
  t.equal(sums(raw_of(lab, "mutex")), 1)
  t.equal(sums(raw_of(lab, "mutex?since=start")), 4)
  for _, name in ipairs { "allocs", "mutex", "block" } do
    for _, since in ipairs { "", "&since=start" } do
      local n = sums(raw_of(lab, name .. "?debug=0" .. since))
      local of_text = sums(raw_of_text(lab, name .. "?debug=1" .. since))
      t.equal(of_text, n, name .. since .. ": text")
    end
  end
  t.equal(lab:stop(), 0)
end)

t.test("since: memory in use is absolute", function()
  local lab = t.start_with({ scenarios, t.source .. "/scenarios" }, "--step", "71",
    "--memprofile-rate", "1")
  ask(lab, "/hold_buffers?n=3")
  local made, inuse = buffers(lab, "heap")
  t.equal(made, 3)
  t.equal(inuse, 3)
  ask(lab, "/goto?step=71")
  ask(lab, "/hold_buffers?n=2")
  made, inuse = buffers(lab, "heap")
  t.equal(made, 2, "made in this visit")
  t.equal(inuse, 2, "in use: the step before was reclaimed")
  made, inuse = buffers(lab, "heap?since=start")
  t.equal(made, 5 + 2, "loading it takes one each time")
  t.equal(inuse, 2)
  t.equal(lab:stop(), 0)
end)

t.test("since: only words that are known", function()
  local lab = in_step()
  for _, name in ipairs { "heap", "allocs", "block", "mutex", "lab.OpenFiles" } do
    for _, since in ipairs { "", "?since=", "?since=step", "?since=start" } do
      ask(lab, PPROF .. name .. since)
    end
    for _, since in ipairs { "yesterday", "0", "start%00", "startstartstart" } do
      local answer = lab:get(PPROF .. name .. "?since=" .. since)
      t.equal(answer.status, 400, name .. " " .. since)
      t.equal(answer.body, 'invalid value for "since" - must be "step" or "start"\n')
      t.equal(answer.headers["x-go-pprof"], "1")
    end
  end
  t.equal(lab:stop(), 0)
end)

-- ---- seconds=N -----------------------------------------------------------------

t.test("seconds=N of block and mutex: what came in the window, also over a switch", function()
  local lab, files, took
  local seconds = t.enough(function(seconds)
    lab, files = in_step(), {}
    local began = t.now()
    ask(lab, "/contend?n=10&ms=1")
    local ends = t.now() + seconds
    for _, name in ipairs { "block", "mutex" } do
      local file = t.temp_dir() .. "/" .. name
      files[name] = { file = file, curl = t.spawn(
        ("curl -sS -o %s '%s%s%s?seconds=%d'"):format(file, lab.url, PPROF, name, seconds)) }
    end
    t.sleep(seconds / 4)
    local asked = socket.gettime()
    ask(lab, "/contend?n=6&ms=1")
    ask(lab, "/goto?step=84")
    ask(lab, "/contend?n=3&ms=1")
    local whole = t.now() < ends -- they last as long; their clients may end later
    for _, window in pairs(files) do
      t.equal(window.curl:wait(), 0)
      local p = proto.read(window.file)
      whole = whole and (p.time_nanos - p.duration_nanos) / 1e9 < asked
    end
    took = t.now() - began
    return seconds, whole
  end, function(_, whole) return whole end, 2)
  for name, window in pairs(files) do
    local p = proto.read(window.file)
    t.between(p.duration_nanos / 1e9, 0.75 * seconds, took + 0.1, name .. ": duration")
    t.equal(sums(t.pprof.raw(window.file), "waits.holdLock"), 5 + 2, name .. ": contentions")
  end
  t.equal(lab:get(PPROF .. "block?seconds=1").headers["content-disposition"],
    'attachment; filename="block-delta"')
  t.equal(lab:stop(), 0)
end)

t.test("lab.OpenFiles has no delta, as custom profiles of Go have none", function()
  local lab = in_step()
  local answer = lab:get(PPROF .. "lab.OpenFiles?seconds=1")
  t.equal(answer.status, 400)
  t.equal(answer.body, '"seconds" parameter is not supported for this profile type\n')
  t.has(ask(lab, PPROF .. "lab.OpenFiles?debug=1"), "lab.OpenFiles profile: total 0\n")
  t.equal(lab:stop(), 0)
end)

-- ---- wall ------------------------------------------------------------------------

-- A wall profile of SECONDS while PATHS are asked for, all of which take longer.
local function wall_of(lab, seconds, paths, where)
  for _, path in ipairs(paths) do t.spawn(("curl -sS '%s%s'"):format(lab.url, path)) end
  t.eventually(function() return lab:get("/status").body:find('"in_flight": ' .. #paths, 1, true) end)
  t.sleep(0.1)
  local file = t.temp_dir() .. "/wall"
  local answer = lab:get((where or PPROF .. "wall") .. "?seconds=" .. seconds)
  t.equal(answer.status, 200)
  t.write(file, answer.body)
  return t.pprof.raw(file), file
end

-- Seconds of the samples with these labels, and with NAME in their stack.
local function seconds_of(raw, labels, name)
  local ns = 0
  for _, sample in ipairs(raw.samples) do
    local fits = true
    for key, value in pairs(labels) do
      fits = fits and sample.labels[key] and table.concat(sample.labels[key], " ") == value
    end
    local found = not name
    for _, location in ipairs(sample.stack) do
      for _, frame in ipairs(location.frames) do found = found or frame.name == name end
    end
    if fits and found then ns = ns + sample.values[2] end
  end
  return ns / 1e9
end

t.measured("wall: 70 % asleep, 30 % on the CPU; every task for the whole time", function()
  local lab = in_step()
  local asked = t.now()
  local raw, file = wall_of(lab, 8, { "/mix?seconds=60", "/nap?seconds=60" })
  t.equal(table.concat(raw.types, " "), "samples/count time/nanoseconds")
  t.equal(raw.fields.PeriodType, "wallclock nanoseconds")
  local duration = proto.read(file).duration_nanos / 1e9
  t.between(duration, 7.9, t.now() - asked + 0.1, "seconds of the profile")

  local mix, nap = { route = "/mix" }, { route = "/nap" }
  t.near(seconds_of(raw, mix) / duration, 1, 0.03, "all of the one")
  t.near(seconds_of(raw, nap) / duration, 1, 0.01, "all of the other")
  t.near(seconds_of(raw, { route = "/nap", state = "sleep" }, "lab.sleep") / duration, 1, 0.01)
  -- A round sleeps for 35 ms by the clock, and runs for 15 ms of CPU time: that
  -- much is certain. What comes on top is the machine's doing, and shown as such.
  local asleep = seconds_of(raw, { route = "/mix", state = "sleep" }, "waits.napAndSpin")
  local ran = seconds_of(raw, { route = "/mix", state = "running" }, "lab.spin")
  local stolen = seconds_of(raw, { route = "/mix", state = "running" }, "[running, off CPU]")
  local computed = ran - stolen
  local names = t.pprof.run(file, "-top", "-nodecount=1000", "-nodefraction=0")
  t.equal(stolen > 0, names:find("[running, off CPU]", 1, true) ~= nil, "the reader sees it, too")
  t.near(computed / (computed + asleep), 0.3, 0.03, "on the CPU")
  t.near(seconds_of(raw, mix, "waits.napAndSpin") / duration, 1, 0.05, "where")
  t.equal(lab:stop(), 0)
end)

t.measured("wall: workers, rivals, locks", function()
  local lab = in_step()
  -- On a machine that hardly runs the VM's thread a few samples are few slices.
  local function runnable_in(raw, duration, name)
    return seconds_of(raw, { route = "/rivals", state = "runnable" }, name) / duration
  end
  local raw, _, duration, burnt = t.enough(function(seconds)
    local before = lab:thread_cpu("worker-")
    local raw, file = wall_of(lab, seconds, { "/burn?seconds=60", "/rivals?n=3&seconds=60",
      "/contend?n=20&ms=500" }, "/debug/fgprof")
    local burnt = lab:thread_cpu("worker-") - before
    local duration = proto.read(file).duration_nanos / 1e9
    lab:go_to(84)
    return raw, file, duration, burnt
  end, function(raw, _, duration)
    local share = runnable_in(raw, duration, "[runnable]")
    return share > 1.5 and share < 2.6
  end, 2)
  -- A job's computing is running, the rest of its task's waiting is not counted
  -- twice.
  t.near(seconds_of(raw, { route = "/burn" }) / duration, 1, 0.05, "a task and its job")
  t.between(seconds_of(raw, { route = "/burn", state = "running" }, "lab_burn"),
    0.4 * burnt, 1.02 * duration)
  -- Three share the VM, a fourth waits for them.
  t.near(seconds_of(raw, { route = "/rivals" }) / duration, 4, 0.15)
  t.near(seconds_of(raw, { route = "/rivals", state = "chan receive" }, "waits.all") / duration,
    1, 0.02)
  t.between(runnable_in(raw, duration, "waits.count"), 1.5, 2.6)
  t.check(seconds_of(raw, { route = "/contend", state = "sync.Mutex.Lock" }, "waits.holdLock") > 1)
  t.equal(lab:stop(), 0)
end)

t.test("wall: tasks that could run before it began have their stacks", function()
  local lab = in_step()
  local raw = wall_of(lab, 1, { "/rivals?n=50&seconds=60" })
  t.check(seconds_of(raw, { state = "runnable" }, "waits.count") > 0, "they are runnable")
  for _, sample in ipairs(raw.samples) do
    t.check(sample.labels.state[1] ~= "runnable" or #sample.stack > 1, "[runnable] is below something")
  end
  lab:go_to(0)
  t.equal(lab:stop(), 0)
end)

t.measured("wall: 100,000 tasks that wait; others go on meanwhile", function()
  local lab = in_step()
  ask(lab, "/park?n=100000")
  local file = t.temp_dir() .. "/wall"
  local curl = t.spawn(("curl -sS -o %s '%s%swall?seconds=2'"):format(file, lab.url, PPROF))
  local slow = 0
  while not curl:wait(0.02) do
    if lab:seconds_of(function() return lab:get("/") end) > 0.2 then slow = slow + 1 end
  end
  t.check(slow <= 2, slow .. " answers took more than 200 ms")
  local raw, duration = t.pprof.raw(file), proto.read(file).duration_nanos / 1e9
  local parked = seconds_of(raw, { route = "/park", state = "chan receive" })
  t.near(parked / duration, 100000, 100)
  t.equal(lab:stop(), 0)
end)

t.measured("wall: several at once, clients that go away, and the end", function()
  local lab = in_step()
  local gone = {}
  for i = 1, 8 do
    gone[i] = t.spawn(("curl -sS -m 0.%d '%s%swall?seconds=600' -o /dev/null")
      :format(i, lab.url, PPROF))
  end
  local nap = t.spawn(("curl -sS '%s/nap?seconds=600'"):format(lab.url))
  t.eventually(function() return lab:get("/status").body:find('"sleep": 1', 1, true) end)
  local at_once = {}
  for i = 1, 4 do
    at_once[i] = { file = t.temp_dir() .. "/wall" }
    at_once[i].curl = t.spawn(("curl -sS -o %s '%s%swall?seconds=%d&hz=%d'")
      :format(at_once[i].file, lab.url, PPROF, 1 + i % 2, 50 * i))
  end
  for i, one in ipairs(at_once) do
    t.equal(one.curl:wait(), 0)
    local duration = proto.read(one.file).duration_nanos / 1e9
    t.between(duration, 1 + i % 2 - 0.01, 60)
    t.near(seconds_of(t.pprof.raw(one.file), { route = "/nap", state = "sleep" }), duration, 0.01 + 0.01 * duration)
  end
  t.check(nap:alive(), "it slept all the time")
  for _, one in ipairs(gone) do t.equal(one:wait(), 28, "curl's time was up") end
  -- Nothing is left behind: without a profile there is no profiler.
  t.eventually(function()
    return not t.run(("cat /proc/%d/task/*/comm"):format(lab.pid)).out:find("profiler", 1, true)
  end)
  local last = t.spawn(("curl -sS -w '%%{http_code}' -o %s '%s%swall?seconds=600'")
    :format(t.temp_dir() .. "/wall", lab.url, PPROF))
  lab:wait_profiler()
  t.equal(lab:stop(), 0)
  t.equal(last:wait(), 0)
  t.match(last:out(), "^[25]0[03]$")
end)

t.test("wall: what is refused, and the index", function()
  local lab = in_step()
  for _, query in ipairs { "seconds=601", "hz=0", "hz=x", "hz=2001" } do
    t.equal(lab:get(PPROF .. "wall?" .. query).status, 400, query)
  end
  t.has(lab:get(PPROF).body, "<a href='wall?debug=1'>wall</a>")
  t.equal(lab:stop(), 0)
end)

t.finish()
