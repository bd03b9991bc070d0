-- SPDX-License-Identifier: MIT
-- needs: processor
-- A recording with few samples a second beside one with many: each has the number of
-- samples that it has asked for, and they are where the time was.
local t = require "harness"
t.need("curl", "go")

-- Two functions with a CPU second each. One is seen in one place, the other in
-- hundreds, each of which has a few samples of the fast recording.
local LINES, HZ = 400, 20
local lines = {}
for i = 1, LINES do lines[i] = ("  x = x + spin(x, %d)"):format(i) end
local PROGRAM = ([[
local function spin(x, i)
  for k = 1, 400 do x = x ~ (k + i) end
  return x & 1
end
local function onePlace(x)
  for k = 1, 160000 do x = x ~ k end
  return x
end
local function manyPlaces(x)
%s
  return x
end
local function runFor(seconds, fn)
  local stop, x = lab.cpu_time() + seconds, 0
  while lab.cpu_time() < stop do x = fn(x) end
end
return { title = "two", request = function()
  for _ = 1, 10 do
    runFor(0.1, onePlace)
    runFor(0.1, manyPlaces)
  end
  return "ok"
end }
]]):format(table.concat(lines, "\n"))

-- Sums of both values of the samples with each of the two, and of all.
local function sums_of(file)
  local sums = { onePlace = { 0, 0 }, manyPlaces = { 0, 0 }, all = { 0, 0 } }
  for _, sample in ipairs(t.pprof.raw(file).samples) do
    local found = { all = true }
    for _, name in ipairs(t.pprof.names(sample)) do found[name:match("[^.]*$")] = true end
    for name in pairs(found) do
      local sum = sums[name]
      for i = 1, sum and 2 or 0 do sum[i] = sum[i] + sample.values[i] end
    end
  end
  return sums
end

local function check_counts(file, what)
  local sums = sums_of(file)
  t.near(sums.all[1], sums.all[2] * HZ / 1e9, 0.51, what .. ": all samples")
  for _, name in ipairs { "onePlace", "manyPlaces" } do
    t.near(sums[name][1], sums[name][2] * HZ / 1e9, 3, what .. ": samples of " .. name)
  end
  return sums
end

-- All samples of gperftools' form: words of 64 bits, between a header and a trailer.
local function count_ticks(words)
  local at, ticks = 5 * 8 + 1, 0
  local count, depth, address
  repeat
    count, depth, address, at = ("<i8i8i8"):unpack(words, at)
    at = at + 8 * (depth - 1)
    ticks = ticks + count
  until count == 0 and depth == 1 and address == 0
  return ticks
end

t.measured("a recording has as many samples as it has asked for, whoever records beside it", function()
  local dir, gperf = t.temp_dir(), t.temp_file()
  t.run("mkdir " .. dir .. "/1-two")
  t.write(dir .. "/1-two/scenario.lua", PROGRAM)
  local lab = t.start_with({ dir }, "--step", "1")
  local url, slow = lab.url .. "/debug/pprof/", ("seconds=5&hz=%d"):format(HZ)
  local wall = t.temp_file()
  local others = {
    t.spawn(("curl -sSf -o /dev/null '%sprofile?seconds=6&hz=2000'"):format(url)),
    t.spawn(("curl -sSf -o %s '%s/pprof/profile?%s'"):format(gperf, lab.url, slow)),
    t.spawn(("curl -sSf -o %s '%swall?%s'"):format(wall, url, slow)),
  }
  t.eventually(function() return lab:has_thread("profiler") end)
  local file = lab:record(("/debug/pprof/profile?hz=%d&seconds="):format(HZ), 5, function()
    t.equal(lab:get("/").body, "ok")
  end)
  for _, other in ipairs(others) do t.equal(other:wait(), 0) end
  local sums = check_counts(file, "profile")
  t.check(sums.manyPlaces[2] > 0.5e9 and sums.onePlace[2] > 0.5e9, "both functions are seen")
  check_counts(wall, "wall")
  -- It may have begun earlier or later, and a busy machine gives less time: so no more
  -- than two processors could have had.
  t.between(count_ticks(t.read(gperf)), 1, 2 * 5 * HZ, "ticks")
  -- A row may have no samples: what reads them takes it.
  local top = t.pprof.top(file, "-sample_index=samples")
  t.near(top.total, sums.all[1], 0.1)
  t.near(top["two.manyPlaces"].cum, sums.manyPlaces[1], 0.1)
  t.equal(lab:stop(), 0)
end)

t.finish()
