-- SPDX-License-Identifier: MIT
-- needs: processor
-- The chapter of the handbook on step 4, command by command, with the real
-- tools: what it says must be seen.
local t = require "harness"
t.need("go", "curl", "ps")

local PPROF = "/debug/pprof/"

-- Requests one after the other, in the background, until it is killed or the
-- lab ends.
local function load_in_background(lab)
  return t.spawn(("sh -c 'while curl -s %s/ -o /dev/null; do :; done'"):format(lab.url))
end

local function in_step_4(...)
  local lab = t.start(...)
  t.equal(lab:go_to(4).body, "switched to step 4")
  return lab
end

local function has_row(top, pattern)
  for _, row in ipairs(top.rows) do
    if row.name:find(pattern) then return row end
  end
  error("no function like " .. pattern .. " in the profile")
end

t.test("the request is slow, and the log says so", function()
  local lab = in_step_4()
  t.equal(lab:get("/").body, "hello world")
  local log = lab:log()
  t.match(log, "%d+/%d+/%d+ %d+:%d+:%d+ Application started with PID %d+\n")
  t.match(log, "HTTP server started on ")
  t.has(log, "Starting processing request...")
  local took, unit = t.match(log, "Request processed in ([%d.]+)(m?s)\n")
  t.check(tonumber(took) * (unit == "ms" and 1 or 1000) >= 50, "milliseconds of a request")
  t.check(lab:thread_cpu("vm") < 5, "CPU seconds of a request")
  t.equal(lab:stop(), 0)
end)

-- pprof's web pages of FILE.
local function check_pages(file)
  local port = t.free_port()
  t.spawn(("go tool pprof -no_browser -http=127.0.0.1:%d %s"):format(port, file))
  local base = ("http://127.0.0.1:%d/ui/"):format(port)
  t.eventually(function() return t.http(base).status == 200 end)
  t.has(t.http(base .. "flamegraph").body, "allocateMemory")
  t.has(t.http(base .. "top").body, "allocateMemory")
  t.has(t.http(base .. "source?f=allocateMemory").body, "lab.copy_n")
end

t.test("the CPU profile shows doSomeBusinessLogic and allocateMemory, pprof's web pages, too", function()
  local lab = in_step_4()
  local load = load_in_background(lab)
  local file = t.temp_dir() .. "/cpu.pb.gz"
  local top = t.enough(function(seconds)
    t.run("curl -s -o " .. file .. " '" .. lab.url .. PPROF .. "profile?seconds=" .. seconds .. "'")
    return t.pprof.top(file)
  end, function(top) return (top.total or 0) > 1 end, 2) -- more than a second of samples
  load:signal("KILL")

  -- Share of the samples with a scenario's thread below: all but the control
  -- thread's, whose frames end in lab_http or libuv.
  local raw = t.pprof.raw(file)
  local under, all = 0, 0
  for _, sample in ipairs(raw.samples) do
    local names = {}
    for _, location in ipairs(sample.stack) do
      for _, frame in ipairs(location.frames) do names[frame.name] = true end
    end
    if not names["uv_run"] then
      all = all + sample.values[2]
      local logic, allocate = false, false
      for name in pairs(names) do
        logic = logic or name == "main.doSomeBusinessLogic"
        allocate = allocate or name:find("allocateMemory$")
      end
      if logic and allocate then under = under + sample.values[2] end
    end
  end
  t.between(under / all, 0.9, 1, "share under doSomeBusinessLogic and allocateMemory")
  t.between(has_row(top, "lab_random_read").cum_percent, 30, 100, "random reader")
  t.check(has_row(top, "lab_buffer_grow").cum > 0, "the growing buffer")
  t.check(has_row(top, "getrandom"), "getrandom is a leaf")

  local list = t.pprof.run(file, "-list", "allocateMemory")
  t.has(list, "scenarios/04-export/scenario.lua")
  local time = t.match(list, "(%S+)%s+%d+:[^\n]*lab%.copy_n")
  t.check(time ~= ".", "time on the line of copy_n")
  check_pages(file)
  t.equal(lab:stop(), 0)
end)

t.test("the heap holds nothing, but a lot was allocated", function()
  local lab = in_step_4("--param", "4.rounds=2")
  for _ = 1, 3 do lab:get("/") end
  local inuse = t.pprof.raw(lab.url .. PPROF .. "heap")
  local held = 0
  for _, sample in ipairs(inuse.samples) do held = held + sample.values[4] end
  -- A small block that lives may be the one that stands for 512 KiB; it was in one
  -- run of some dozens. What a request took is ten times as much.
  t.between(held, 0, 1.1 * 1048576, "bytes in use in the profile")

  local file = t.temp_dir() .. "/heap.pb.gz"
  t.run("curl -s -o " .. file .. " " .. lab.url .. PPROF .. "heap")
  local top = t.pprof.top(file, "-sample_index=alloc_space")
  local allocate = has_row(top, "%.allocateMemory$")
  t.near(allocate.cum_percent, 100, 2, "allocateMemory, cumulative")
  t.near(allocate.flat_percent, 33.3, 5, "allocateMemory itself")
  t.near(has_row(top, "lab_buffer_grow").cum_percent, 66.7, 5, "growth of the buffer")
  t.equal(lab:stop(), 0)
end)

t.test("a round allocates 30 MB, and RSS stays flat", function()
  local lab = in_step_4("--param", "4.rounds=1")
  local started = lab:rss()
  lab:get("/")
  local before = lab:vars()("TotalAlloc")
  for _ = 1, 10 do lab:get("/") end
  local each = (lab:vars()("TotalAlloc") - before) / 10
  t.near(each, 30e6, 0.6e6, "TotalAlloc per allocateMemory")

  for _ = 1, 40 do lab:get("/") end
  local text = lab:get(PPROF .. "heap?debug=1").body
  local function field(name) return tonumber((t.match(text, "\n# " .. name .. " = (%d+)\n"))) end
  t.between(field("HeapAlloc"), 0, 2e6, "HeapAlloc")
  if field("HeapIdle") > 0 then -- libc's heap, in builds for sanitizers, can't tell
    t.check(field("HeapIdle") > 25e6, "HeapIdle > 25 MB")
    t.between(field("HeapReleased"), 0, 8e6, "HeapReleased")
    t.equal(field("HeapSys"), field("HeapIdle") + field("HeapInuse"), "HeapSys")

    local rss = lab:rss()
    t.check(rss > started + 20e6, "RSS has grown")
    for _ = 1, 20 do lab:get("/") end
    -- They allocate 600 MB; one block of 10 MB more or less may be kept idle.
    t.between(lab:rss() - rss, -12e6, 12e6, "RSS after 20 more requests")
  end
  t.equal(lab:stop(), 0)
end)

t.test("ps l prints the line of the chapter", function()
  local lab = in_step_4("--param", "4.rounds=1")
  local ps = t.run("ps l " .. lab.pid)
  t.has(ps.out, "RSS")
  t.has(ps.out, "diaglab")
  t.equal(lab:stop(), 0)
end)

t.finish()
