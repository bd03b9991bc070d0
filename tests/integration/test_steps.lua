-- SPDX-License-Identifier: MIT
-- needs: processor, time
-- The steps of the original, by the commands that its students use: what they
-- were to see there must be seen here. (Step 4 has a test of its own.)
local t = require "harness"
t.need("go", "curl")

local PPROF = "/debug/pprof/"

local function in_step(number, ...)
  local lab = t.start(...)
  t.equal(lab:go_to(number).body, "switched to step " .. number)
  return lab
end

-- N requests of `/`, one after the other, in the background: of one curl, as a
-- new process for each took more time than the request.
local function load_in_background(lab, n)
  return t.spawn(("curl -s -o /dev/null '%s/?[1-%d]'"):format(lab.url, n))
end

-- Seconds of a request: the best of N, which is the machine's own part.
local function best_of(lab, n)
  local best = math.huge
  for _ = 1, n do best = math.min(best, lab:get("/").seconds) end
  return best
end

-- The function's share of the whole in a profile of the program under test.
local function share(raw, name, value)
  local under, all = 0, 0
  for _, sample in ipairs(raw.samples) do
    local there = false
    for _, location in ipairs(sample.stack) do
      for _, frame in ipairs(location.frames) do there = there or frame.name == name end
    end
    all = all + sample.values[value]
    if there then under = under + sample.values[value] end
  end
  t.check(all > 0, "the profile isn't empty")
  return under / all, all
end

local function sum(raw, value)
  local all = 0
  for _, sample in ipairs(raw.samples) do all = all + sample.values[value] end
  return all
end

-- ---- step 1 -------------------------------------------------------------------

-- N requests at once that wait; their answers' status codes come when they end.
local function stuck_requests(lab, n)
  local clients = {}
  for i = 1, n do
    clients[i] = t.spawn(("curl -s -w ' %%{http_code}' --max-time 60 %s/"):format(lab.url))
  end
  lab:wait_tasks("sync.Mutex.Lock", n)
  t.equal(select(2, lab:log():gsub("Starting processing request", "")), n, "requests that were begun")
  return clients
end

t.test("step 1: requests wait, the process is idle, leaving answers them", function()
  local lab = in_step(1)
  local clients = stuck_requests(lab, 5)
  t.equal(t.pprof.top(lab.url .. PPROF .. "profile?seconds=1").total or 0, 0, "CPU seconds")
  for _, client in ipairs(clients) do t.check(client:alive(), "still waits") end
  t.equal(lab:get("/debug/vars").status, 200)

  t.equal(lab:go_to(0).body, "switched to step 0")
  for _, client in ipairs(clients) do
    t.equal(client:wait(), 0, "curl")
    t.equal(client:out(), "hello world 200")
  end
  t.equal(select(2, lab:log():gsub("Request processed in", "")), 5, "requests that were processed")
  t.equal(lab:get("/").body, "hello world")
  t.equal(lab:stop(), 0)
end)

t.test("step 1: the goroutine profile shows them in sync.Mutex.Lock", function()
  local lab = in_step(1)
  stuck_requests(lab, 3)
  local stacks = lab:get(PPROF .. "goroutine?debug=2").body
  local n = 0
  for stack in stacks:gmatch("goroutine %d+ %[sync%.Mutex%.Lock[^%]]*%]:\n(.-)\n\n") do
    n = n + 1
    t.match(stack, "countRequest%(.*\nmain%.doSomeBusinessLogic%(.*\nmain%.helloWorldHandler%(")
  end
  t.equal(n, 3, "stacks that wait for the mutex")
  t.match(lab:get(PPROF .. "goroutine?debug=1").body, "\n3 @ [^\n]+\n[^@]+counter%.countRequest[^@]+main%.doSomeBusinessLogic")
  local top = t.pprof.top(lab.url .. PPROF .. "goroutine")
  t.equal(top["main.doSomeBusinessLogic"].cum, 3, "below doSomeBusinessLogic")
  t.equal(top["lab.Mutex.lock"].flat, 3, "in Mutex.lock")
  t.equal(lab:stop(), 0)
end)

t.test("step 1: block tells who has waited, mutex for whom", function()
  local lab = in_step(1)
  stuck_requests(lab, 3)
  t.sleep(0.5)
  lab:go_to(0)
  t.eventually(function() return select(2, lab:log():gsub("Request processed in", "")) == 3 end)
  local block = t.pprof.top(lab.url .. PPROF .. "block?since=start")
  t.check(block["counter.countRequest"].cum >= 3 * 0.5, "seconds that three requests have waited")
  local mutex = t.pprof.top(lab.url .. PPROF .. "mutex?since=start")
  t.check(mutex["counter.leave"].cum >= 0.5, "seconds that others have waited for leave")
  t.equal(lab:stop(), 0)
end)

t.test("step 1: it stops although requests are stuck", function()
  local lab = in_step(1)
  stuck_requests(lab, 3)
  t.equal(lab:end_in(3), 0)
end)

-- ---- step 2 -------------------------------------------------------------------

local function check_cost(seconds, lab)
  local function cpu_seconds()
    local stat = t.read("/proc/" .. lab.pid .. "/stat"):match("%) (.*)")
    local fields = {}
    for word in stat:gmatch("%S+") do fields[#fields + 1] = tonumber(word) or word end
    return (fields[12] + fields[13]) / 100
  end
  local before = cpu_seconds()
  local answer = lab:get("/", "--max-time", "600")
  t.equal(answer.body, "hello world")
  t.check(answer.seconds >= seconds - 0.01, "not faster than its CPU time")
  t.near(cpu_seconds() - before, seconds, 0.3, "CPU seconds of a request")
  t.eventually(function() return lab:log():find("Request processed in [%dm.]+s\n") end)
  t.equal(lab:stop(), 0)
end

t.test("step 2: a request costs the CPU time that it is told to", function()
  check_cost(1, in_step(2, "--param", "2.seconds=1"))
end)

t.long("step 2: a request costs five seconds of CPU time", function() check_cost(5, in_step(2)) end)

t.test("step 2: eatCPU has 90 % of the CPU profile", function()
  local lab = in_step(2)
  load_in_background(lab, 100)
  local file = t.temp_dir() .. "/cpu.pb.gz"
  local raw = t.enough(function(seconds)
    t.run("curl -s -o " .. file .. " '" .. lab.url .. PPROF .. "profile?seconds=" .. seconds .. "'")
    return t.pprof.raw(file)
  end, function(raw) return sum(raw, 2) > 1e9 end, 2) -- more than a second of samples
  t.between(share(raw, "quote.eatCPU", 2), 0.9, 1, "share under eatCPU")
  local top = t.pprof.top(file)
  for _, name in ipairs { "main.helloWorldHandler", "main.doSomeBusinessLogic", "quote.eatCPU" } do
    t.between(top[name] and top[name].cum_percent, 90, 100, name)
  end
  t.has(t.pprof.run(file, "-list", "eatCPU"), "lab.burn(seconds)")
  t.equal(lab:stop(), 0)
end)

-- ---- step 3 -------------------------------------------------------------------

t.measured("step 3: requests are clearly slower than in step 0, however fast the machine", function()
  local lab = in_step(0)
  local baseline = best_of(lab, 5)
  lab:go_to(3)
  local cpu = lab:thread_cpu("")
  local slow = best_of(lab, 3)
  t.between(slow, 0.1, math.huge, "seconds of a request")
  t.between((lab:thread_cpu("") - cpu) / 3, 0, 5, "CPU seconds of a request")
  t.check(slow > 20 * baseline, ("%g s against %g s in step 0"):format(slow, baseline))
  t.equal(lab:stop(), 0)
end)

-- What 20 requests of 10 MB leave in the heap profile.
local function check_growth(lab)
  local sizes = {}
  for n = 1, 20 do
    t.equal(lab:get("/").body, "hello world")
    local raw = t.pprof.raw(lab.url .. PPROF .. "heap?gc=1")
    t.equal(raw.types[4], "inuse_space/bytes")
    local part, bytes = share(raw, "archive.leakMemory", 4)
    t.between(part, 0.95, 1, "share of inuse_space")
    t.check(bytes > n * 10e6, "holds what was copied")
    local part_of_objects, objects = share(raw, "archive.leakMemory", 3)
    t.between(part_of_objects * objects, 1, 2, "objects")
    if bytes ~= sizes[#sizes] then sizes[#sizes + 1] = bytes end
  end
  -- It doubles: few sizes, each about twice the one before.
  t.between(#sizes, 4, 6, "sizes that were seen")
  for i = 2, #sizes do t.between(sizes[i] / sizes[i - 1], 1.7, 2.3, "growth") end
end

t.test("step 3: 10 MB per request stay, in one object, under leakMemory; leaving gives them back", function()
  local lab = in_step(3, "--param", "3.rounds=1")
  local rss = lab:rss()
  check_growth(lab)
  t.between((lab:rss() - rss) / 20, 8e6, 40e6, "RSS per request")
  t.check(lab:vars()("HeapAlloc") > 200e6, "the heap holds it")

  local top = t.pprof.top(lab.url .. PPROF .. "heap")
  t.between(top.lab_buffer_grow.flat_percent, 95, 100, "lab_buffer_grow")
  for _, name in ipairs { "main.helloWorldHandler", "main.doSomeBusinessLogic", "lab.copy_n" } do
    t.between(top[name] and top[name].cum_percent, 95, 100, name)
  end
  local text = lab:get(PPROF .. "heap?debug=1&gc=1").body
  t.match(text, "heap profile: [12]: %d+ %[")

  -- Under a sanitizer it takes its time to free that much, and the answer is 503.
  t.eventually(function() return lab:go_to(0).body == "switched to step 0" end)
  t.eventually(function() return lab:vars()("HeapAlloc") <= 10e6 end) -- given back in the background
  local held = 0
  for _, sample in ipairs(t.pprof.raw(lab.url .. PPROF .. "heap").samples) do held = held + sample.values[4] end
  t.equal(held, 0, "bytes in use in the profile")
  t.equal(lab:stop(), 0)
end)

t.test("step 3: twenty requests at once all get their answer", function()
  local lab = in_step(3, "--param", "3.rounds=1")
  local codes = t.run(([[for i in $(seq 20); do curl -s -o /dev/null -w '%%{http_code} ' %s/ & done; wait]])
    :format(lab.url))
  t.equal(select(2, codes.out:gsub("200 ", "")), 20, "answers")
  t.check(lab:vars()("HeapAlloc") > 200e6, "nothing was lost")
  t.equal(lab:stop(), 0)
end)

-- ---- step 5 -------------------------------------------------------------------

-- Milliseconds of a request by the log: the client's part is left out.
local function median_by_log(lab, n)
  local seen = #lab:log()
  for _ = 1, n do lab:get("/") end
  local factors = { ["ns"] = 1e-6, ["µs"] = 1e-3, ["ms"] = 1, ["s"] = 1e3 }
  local times = {}
  t.eventually(function()
    times = {}
    for number, unit in lab:log():sub(seen + 1):gmatch("Request processed in ([%d.]+)(%S+)") do
      times[#times + 1] = tonumber(number) * factors[unit]
    end
    return #times == n
  end)
  table.sort(times)
  return times[n // 2 + 1]
end

t.test("step 5: requests are clearly slower than in step 0, however fast the machine", function()
  local lab = in_step(0)
  local baseline = median_by_log(lab, 21)
  lab:go_to(5)
  local slow = median_by_log(lab, 21)
  t.check(slow > 5 * baseline, ("%g ms against %g ms in step 0"):format(slow, baseline))
  t.equal(lab:stop(), 0)
end)

t.test("step 5: 20 requests leave 100 tasks in one record, gone after goto", function()
  local lab = in_step(5)
  for _ = 1, 20 do lab:get("/") end
  local text
  t.eventually(function() -- the last of them may not have run yet
    text = lab:get(PPROF .. "goroutine?debug=1").body
    return text:find("\n100 @ [^\n]+\n[^@]+lab%.Channel%.recv[^@]+workers%.startGoroutines%.func1")
  end)
  t.equal(select(2, text:gsub("\n#[^\n]*startGoroutines", "")), 1, "records of startGoroutines")
  local stacks = lab:get(PPROF .. "goroutine?debug=2").body
  t.equal(select(2, stacks:gsub("%[chan receive[^%]]*%]:", "")), 100, "tasks that receive")
  t.equal(select(2, stacks:gsub("\ncreated by workers%.startGoroutines", "")), 100, "their origin")
  t.equal(t.pprof.top(lab.url .. PPROF .. "goroutine")["workers.startGoroutines.func1"].cum, 100)

  lab:go_to(0)
  text = lab:get(PPROF .. "goroutine?debug=1").body
  t.check(not text:find("startGoroutines", 1, true), "gone after goto")
  t.equal(lab:stop(), 0)
end)

t.test("step 5: the CPU and the heap profile lead to startGoroutines under load", function()
  local lab = in_step(5)
  local load = load_in_background(lab, 100000)
  local raw = t.enough(function(seconds)
    return t.pprof.raw(lab.url .. PPROF .. "profile?seconds=" .. seconds)
  end, function(raw) return sum(raw, 2) > 2e8 end)
  load:signal("KILL")
  local part = share(raw, "workers.startGoroutines", 2)
  t.check(part > 0.3, ("%g of the CPU profile"):format(part))

  t.run(("curl -s -Z --parallel-max 2 -o /dev/null '%s/?[1-2000]'"):format(lab.url))
  local held, bytes = share(t.pprof.raw(lab.url .. PPROF .. "heap"), "workers.startGoroutines", 4)
  t.between(held, 0.9, 1, "share of inuse_space")
  t.check(bytes > 5e6, "tasks hold memory")
  t.equal(lab:go_to(0).body, "switched to step 0")
  t.eventually(function() return lab:vars()("HeapAlloc") <= 10e6 end) -- given back in the background
  t.equal(lab:stop(), 0)
end)

t.finish()
