-- SPDX-License-Identifier: MIT
-- needs: processor
-- Profiles of workloads whose answer is known. A share p that is estimated from
-- n samples has a standard deviation of sqrt(p (1 - p) / n): tests allow three
-- of them, and never less than two points.
local t = require "harness"
t.need("go", "curl")

local scenarios = t.source .. "/tests/integration/scenarios"

-- CPU seconds that the VM and the workers have used so far.
local function work_cpu(lab) return lab:thread_cpu("vm") + lab:thread_cpu("worker-") end

-- A CPU profile at HZ while the step's request works; what it worked meanwhile;
-- and its answer. The request uses more CPU time than the profile lasts. The
-- work is { at least, at most }: on a busy machine it takes a while to see that
-- the profile has begun and ended.
local function profile_of(lab, seconds, hz)
  local file = t.temp_dir() .. "/cpu.pb.gz"
  local request = t.spawn(("curl -s --max-time 600 %s/"):format(lab.url))
  lab:work("vm", 0.05)
  local before = work_cpu(lab)
  local profile = t.spawn(("curl -sSf -o %s '%s/debug/pprof/profile?seconds=%d&hz=%d'")
    :format(file, lab.url, seconds, hz))
  t.eventually(function() return lab:has_thread("profiler") end)
  local began = work_cpu(lab)
  local least, now = 0, began
  while lab:has_thread("profiler") do
    least = now - began
    now = work_cpu(lab)
    t.sleep(0.05)
  end
  t.equal(profile:wait(), 0, "the profile")
  local most = work_cpu(lab) - before
  t.check(request:alive(), "the request is longer than the profile")
  t.equal(request:wait(600), 0, "the request")
  return t.pprof.raw(file), { least, most }, request:out()
end

local function check_work(total, spent)
  t.between(total / 1e9, 0.95 * spent[1], 1.05 * spent[2], "CPU seconds in the profile")
end

-- Share of the samples that have a function NAME, among those that have ROOT.
local function cumulative(raw, root)
  local total, count, by_name = 0, 0, {}
  for _, sample in ipairs(raw.samples) do
    local names = {}
    for _, location in ipairs(sample.stack) do
      for _, frame in ipairs(location.frames) do names[frame.name:match("[^.]*$")] = true end
    end
    if names[root] then
      total = total + sample.values[2]
      count = count + sample.values[1]
      for name in pairs(names) do by_name[name] = (by_name[name] or 0) + sample.values[2] end
    end
  end
  return by_name, total, count
end

local function check_share(by_name, total, count, name, truth)
  local allowed = math.max(0.02, 3 * math.sqrt(truth * (1 - truth) / count))
  t.near((by_name[name] or 0) / total, truth, allowed, name)
end

local function shares_at(hz, seconds)
  local lab = t.start_with({ scenarios }, "--step", "60", "--param", "60.seconds=" .. seconds + 1)
  local raw, spent = profile_of(lab, seconds, hz)
  local by_name, total, count = cumulative(raw, "doSomeBusinessLogic")
  -- What it costs to look at the clock depends on the machine.
  local others = total - (by_name["cpu_time"] or 0)
  for name, truth in pairs { half = 0.5, third = 0.3, fifth = 0.2 } do
    check_share(by_name, others, count, name, truth)
  end
  t.between((by_name.half + by_name.third + by_name.fifth) / others, 0.98, 1, "what the three have in all")
  check_work(total, spent)
  t.equal(lab:stop(), 0)
end

-- The deviation is that of samples that weigh the same. On a busy machine one
-- may stand for ten timer ticks, and an honest profile can miss.
t.measured("50/30/20 of pure Lua at 1000 Hz", function() shares_at(1000, 4) end)
t.long_measured("50/30/20 of pure Lua at 1000 Hz", function() shares_at(1000, 10) end)
t.long_measured("50/30/20 of pure Lua at 100 Hz", function() shares_at(100, 10) end)

-- The shares of STEP's parts, as its request has measured them, are in a profile.
local function check_parts(step, seconds)
  local lab = t.start_with({ scenarios }, "--step", step, "--param", step .. ".seconds=" .. seconds + 1)
  local raw, spent, answer = profile_of(lab, seconds, 1000)
  local by_name, total, count = cumulative(raw, "doSomeBusinessLogic")
  local took, all = {}, 0
  for name, used in answer:gmatch("(%w+) ([%d.]+)\n") do
    took[name] = tonumber(used)
    all = all + took[name]
  end
  for name, used in pairs(took) do check_share(by_name, total, count, name, used / all) end
  check_work(total, spent)
  t.equal(lab:stop(), 0)
  return by_name
end

local function mix_for(seconds)
  local by_name = check_parts("61", seconds)
  t.check(by_name.lab_spin and by_name.lab_burn, "the primitives have frames")
end

local MIX = "Lua, Lua's library, a primitive here and one on a worker"
t.measured(MIX, function() mix_for(4) end)
t.long_measured(MIX, function() mix_for(10) end)

-- AddressSanitizer has work to do for each jump out of functions, after they have
-- told what they took: with it this is another program.
if not t.is_sanitized() then
  t.measured("functions that raise below pcall", function() check_parts("65", 4) end)
end

-- ---- bytes --------------------------------------------------------------------

-- alloc_objects, alloc_space, inuse_objects, inuse_space of samples with NAME.
local function heap_of(lab, name)
  local raw = t.pprof.raw(lab.url .. "/debug/pprof/heap?gc=1")
  local sum = { 0, 0, 0, 0 }
  for _, sample in ipairs(raw.samples) do
    for _, location in ipairs(sample.stack) do
      if location.frames[1].name:find(name .. "$") then
        for i = 1, 4 do sum[i] = sum[i] + sample.values[i] end
        break
      end
    end
  end
  return sum
end

-- N blocks of SIZE at RATE: each is sampled with p = 1 - exp(-size/rate) and
-- then stands for size/p bytes, so the estimate's variance is
-- n size^2 (1 - p) / p.
local function deviation(n, size, rate)
  local p = 1 - math.exp(-size / rate)
  return math.sqrt(n * size ^ 2 * (1 - p) / p)
end

-- One honest estimate in 370 is outside three deviations: then another must be
-- inside.
local function check_estimate(what, truth, allowed, estimate)
  local first = estimate()
  if math.abs(first - truth) > allowed then
    t.near(estimate(), truth, allowed, what .. ", again after " .. first)
  end
end

local function known_bytes(small)
  local RATE = 512 * 1024
  local cases = {
    { "alloc_space of 1,000 x 1 MB", "/large", "makeLarge", 2, 1000, 1e6 },
    { "alloc_space of n x 100 B", "/small?n=" .. small, "makeSmall", 2, small, 100 },
    { "inuse_space of 100 x 100 kB", "/hold", "hold", 4, 100, 1e5 },
  }
  for _, case in ipairs(cases) do
    local what, path, name, column, n, size = table.unpack(case)
    check_estimate(what, n * size, 3 * deviation(n, size, RATE) + 1, function()
      local lab = t.start_with({ scenarios }, "--step", "62")
      t.equal(lab:get(path, "--max-time", "120").body, "done")
      local bytes = heap_of(lab, name)[column]
      t.equal(lab:stop(), 0)
      return bytes
    end)
  end
end

t.test("known bytes, sampled at the default rate", function() known_bytes(1000000) end)
t.long("ten million small blocks, sampled at the default rate", function() known_bytes(10000000) end)

t.test("known bytes at rate 1 are exact", function()
  local lab = t.start_with({ scenarios }, "--step", "62", "--memprofile-rate", "1")
  t.equal(lab:get("/hold").body, "done")
  local held = heap_of(lab, "hold")
  -- Each call makes a buffer of 100,000 bytes and its userdata.
  local raw = t.pprof.raw(lab.url .. "/debug/pprof/heap")
  local buffers = 0
  for _, sample in ipairs(raw.samples) do
    if sample.labels.bytes and sample.labels.bytes[1] == 100000 then
      buffers = buffers + sample.values[3]
      t.equal(sample.values[4], sample.values[3] * 100000)
    end
  end
  t.equal(buffers, 100, "buffers in use")
  t.check(held[4] >= 1e7, "bytes in use")
  lab:go_to(0)
  t.eventually(function() return heap_of(lab, "hold")[4] == 0 end) -- bytes in use
  t.equal(lab:stop(), 0)
end)

t.finish()
