-- SPDX-License-Identifier: MIT
-- MemStats on the running program: identities at any moment, a collector that
-- can be followed, memory that is given back.
local t = require "harness"
t.need("curl")

local scenarios = t.source .. "/tests/integration/scenarios"

local function in_memory_step(...)
  return t.start_with({ scenarios }, "--step", "71", ...)
end

-- One /debug/vars as a table of numbers.
local function parse(text)
  local m = {}
  for name, value in text:gmatch('"(%u%w*)":(%-?[%d.eE+-]+)') do
    if m[name] == nil then m[name] = tonumber(value) end
  end
  for _, name in ipairs { "PauseNs", "PauseEnd" } do
    m[name] = {}
    for value in text:match('"' .. name .. '":%[([^%]]*)%]'):gmatch("%d+") do
      table.insert(m[name], math.tointeger(value))
    end
  end
  return m
end

local function memstats(lab)
  local answer = lab:get("/debug/vars")
  t.equal(answer.status, 200)
  return parse(answer.body), answer.body
end

-- Builds for sanitizers use libc's heap, which can't tell idle memory.
local function knows_idle(lab) return memstats(lab).HeapIdle > 0 end

-- COUNT of them, as fast as one curl gets them.
local function many_memstats(lab, count)
  local text = t.run(("curl -sS '%s/debug/vars?[1-%d]'"):format(lab.url, count)).out
  local list = {}
  for body in text:gmatch("%b{}") do list[#list + 1] = parse(body) end
  t.equal(#list, count, "answers")
  return list
end

local function check_identities(m)
  t.equal(m.HeapSys, m.HeapIdle + m.HeapInuse, "HeapSys")
  t.equal(m.HeapObjects, m.Mallocs - m.Frees, "HeapObjects")
  t.equal(m.Alloc, m.HeapAlloc, "Alloc")
  t.check(m.HeapReleased <= m.HeapIdle, "HeapReleased <= HeapIdle")
  t.equal(m.Sys, m.HeapSys + m.StackSys + m.MSpanSys + m.MCacheSys + m.BuckHashSys + m.GCSys + m.OtherSys, "Sys")
  t.check(m.StackInuse <= m.StackSys and m.MSpanInuse <= m.MSpanSys, "in use <= obtained")
  t.check(m.TotalAlloc >= m.HeapAlloc, "TotalAlloc >= HeapAlloc")
  t.between(m.GCCPUFraction, 0, 1, "GCCPUFraction")
end

t.test("identities hold at every moment under load", function()
  local lab = in_memory_step()
  for _, path in ipairs { "/garbage?n=20000000", "/buffers?n=20000" } do
    t.spawn(("curl -s --max-time 4 '%s%s'"):format(lab.url, path))
  end
  local last
  local growing = { "TotalAlloc", "Mallocs", "Frees", "NumGC", "PauseTotalNs", "LastGC" }
  if knows_idle(lab) then table.insert(growing, "HeapSys") end
  for _, m in ipairs(many_memstats(lab, 300)) do
    check_identities(m)
    if last then
      for _, name in ipairs(growing) do
        t.check(m[name] >= last[name], name .. " never falls")
      end
    end
    last = m
  end
  t.equal(lab:stop(), 0)
end)

t.test("the keys of /debug/vars, in Go's order", function()
  local lab = in_memory_step()
  local _, body = memstats(lab)
  t.match(body, '^{\n"cmdline": %[.*%],\n"diaglab_attempt": "%x+",\n"memstats": {.*}\n}\n$')
  local names = {}
  for name in body:match('"memstats": (.*)'):gsub('"BySize":.*', '"BySize":'):gmatch('"(%w+)":') do
    names[#names + 1] = name
  end
  t.equal(table.concat(names, " "), "Alloc TotalAlloc Sys Lookups Mallocs Frees HeapAlloc HeapSys HeapIdle "
    .. "HeapInuse HeapReleased HeapObjects StackInuse StackSys MSpanInuse MSpanSys MCacheInuse MCacheSys "
    .. "BuckHashSys GCSys OtherSys NextGC LastGC PauseTotalNs PauseNs PauseEnd NumGC NumForcedGC GCCPUFraction "
    .. "EnableGC DebugGC BySize")
  local _, sizes = body:match('"BySize":(%b[])'):gsub('{"Size":%d+,"Mallocs":%d+,"Frees":%d+}', "")
  t.equal(sizes, 61, "sizes")
  t.equal(lab:stop(), 0)
end)

-- ---- the collector ----------------------------------------------------------------

t.test("cycles and pauses of the collector", function()
  local lab = in_memory_step()
  local before = memstats(lab)
  for _ = 1, 3 do lab:get("/gc") end
  local forced = memstats(lab)
  t.equal(forced.NumForcedGC, before.NumForcedGC + 3, "NumForcedGC after three lab.gc()")
  t.check(forced.NumGC >= before.NumGC + 3, "they count in NumGC too")

  lab:get("/garbage?n=3000000")
  local m = memstats(lab)
  t.check(m.NumGC > forced.NumGC + 3, "garbage makes cycles")
  t.equal(m.NumForcedGC, forced.NumForcedGC, "none of them forced")
  t.between(m.LastGC / 1e9, os.time() - 30, os.time() + 1, "LastGC")
  t.check(m.NextGC > 0, "NextGC")
  t.check(m.GCCPUFraction > 0, "GCCPUFraction")
  local last = (m.NumGC + 255) % 256 + 1
  t.equal(m.PauseEnd[last], m.LastGC, "PauseEnd[(NumGC + 255) % 256]")
  if m.NumGC <= 256 then
    local sum = 0
    for i = 1, 256 do
      sum = sum + m.PauseNs[i]
      t.equal(m.PauseEnd[i] > 0, i <= m.NumGC, "PauseEnd " .. i)
    end
    t.equal(sum, m.PauseTotalNs, "PauseTotalNs is the sum of the pauses")
  end
  t.equal(lab:stop(), 0)
end)

t.test("buffers make the collector run: 10 MB each, 300 times", function()
  local lab = in_memory_step()
  local before = memstats(lab)
  t.equal(lab:get("/buffers?n=300").body, "done")
  local m = memstats(lab)
  t.check(m.NumGC > before.NumGC + 5, "NumGC grows")
  t.equal(m.NumForcedGC, before.NumForcedGC, "NumForcedGC doesn't")
  t.check(m.TotalAlloc - before.TotalAlloc >= 3e9, "3 GB were allocated")
  t.check(m.HeapSys < 200e6, "HeapSys < 200 MB, not " .. m.HeapSys)
  t.equal(lab:stop(), 0)
end)

-- ---- limits, and what is given back -----------------------------------------------

t.test("the memory limit of a scenario is a clear error", function()
  local lab = in_memory_step()
  for _, path in ipairs { "/too_much", "/too_much_buffer" } do
    local answer = lab:get(path)
    t.equal(answer.status, 500, path)
    t.has(lab:details(answer), "not enough memory", path)
    t.equal(lab:get("/drop").status, 200)
    t.equal(lab:get("/gc").status, 200)
    t.equal(lab:get("/hold?n=1000").status, 200, "the lab goes on after " .. path)
  end
  t.check(memstats(lab).HeapAlloc < 20e6, "what was reached is given back")
  t.equal(lab:go_to(71).status, 200)
  t.equal(lab:stop(), 0)
end)

t.test("a million small objects come and go", function()
  local lab = in_memory_step()
  lab:get("/gc")
  local before = memstats(lab)
  t.equal(lab:get("/hold?n=1000000").status, 200)
  lab:get("/gc")
  local m = memstats(lab)
  -- A table and its array part each; the list itself is one more.
  t.near(m.HeapObjects - before.HeapObjects, 2e6, 1000, "HeapObjects")
  t.between(m.HeapAlloc - before.HeapAlloc, 80e6, 110e6, "HeapAlloc")
  lab:get("/drop")
  lab:get("/gc")
  m = memstats(lab)
  t.near(m.HeapAlloc, before.HeapAlloc, 100e3, "HeapAlloc afterwards")
  t.near(m.HeapObjects, before.HeapObjects, 1000, "HeapObjects afterwards")
  check_identities(m)
  t.equal(lab:stop(), 0)
end)

local function check_leaving(times)
  local lab = in_memory_step("--step", "71")
  local function leave_and_measure()
    t.equal(lab:get("/hold?n=20000").status, 200)
    t.equal(lab:get("/hold_buffers?n=20").status, 200)
    t.check(memstats(lab).HeapAlloc > 20e6, "memory is held")
    t.equal(lab:go_to(0).status, 200)
    local m
    t.eventually(function() -- until all is given back
      local before = m
      m = memstats(lab)
      return m.HeapAlloc < 5e6 and before and math.abs(m.HeapAlloc - before.HeapAlloc) < 20e3
    end)
    t.equal(lab:go_to(71).status, 200)
    return m
  end
  leave_and_measure()
  local first = leave_and_measure()
  local least = first -- where the machine is busy, giving back may have made a pause
  for _ = 3, times do
    local m = leave_and_measure()
    if m.HeapAlloc < least.HeapAlloc then least = m end
  end
  t.equal(lab:go_to(0).status, 200)
  local last
  pcall(t.eventually, function()
    last = memstats(lab)
    return last.HeapAlloc < least.HeapAlloc + 200e3 and last.HeapObjects < least.HeapObjects + 500
  end, 20)
  t.near(last.HeapAlloc, least.HeapAlloc, 200e3, "HeapAlloc after all switches")
  t.near(last.HeapObjects, least.HeapObjects, 500, "HeapObjects after all switches")
  if knows_idle(lab) then t.near(last.HeapSys, first.HeapSys, 10e6, "HeapSys after all switches") end
  t.equal(lab:stop(), 0)
end

t.test("leaving a step gives its memory back: ten times", function() check_leaving(10) end)
t.long("leaving a step gives its memory back: 50 times", function() check_leaving(50) end)

-- ---- idle memory --------------------------------------------------------------------

local function hold_and_drop(lab)
  t.equal(lab:get("/fill?n=100").status, 200)
  t.equal(lab:get("/drop").status, 200)
  t.equal(lab:get("/gc").status, 200)
end

t.test("idle memory stays by default, and lab.release() returns it", function()
  local lab = in_memory_step()
  if not knows_idle(lab) then return end
  hold_and_drop(lab)
  t.sleep(3)
  local m, rss = memstats(lab), lab:rss()
  t.check(m.HeapIdle > 90e6, "HeapIdle")
  t.check(m.HeapReleased < 10e6, "HeapReleased")
  t.check(rss > 90e6, "RSS")
  local released = tonumber(lab:get("/release").body)
  m = memstats(lab)
  t.check(released > 90e6, "bytes that lab.release() says")
  t.check(m.HeapReleased > 90e6, "HeapReleased after lab.release()")
  t.check(lab:rss() < rss - 90e6, "RSS after lab.release()")
  check_identities(m)
  hold_and_drop(lab) -- released memory is used again
  t.check(memstats(lab).HeapReleased < m.HeapReleased - 90e6, "HeapReleased when used again")
  t.equal(lab:stop(), 0)
end)

t.test("--scavenge 1 returns idle memory by itself", function()
  local lab = in_memory_step("--scavenge", "1")
  if not knows_idle(lab) then return end
  hold_and_drop(lab)
  t.eventually(function() return memstats(lab).HeapReleased > 90e6 end)
  t.check(lab:rss() < 60e6, "RSS")
  t.equal(lab:stop(), 0)
end)

-- ---- the heap profile against the books ---------------------------------------------

t.test("at rate 1 the heap profile is HeapAlloc's growth", function()
  t.need("go")
  local lab = in_memory_step("--memprofile-rate", "1")
  local function profiled()
    local sum = 0
    for _, s in ipairs(t.pprof.raw(lab.url .. "/debug/pprof/heap?gc=1").samples) do sum = sum + s.values[4] end
    return sum
  end
  local held, before = profiled(), memstats(lab)
  t.equal(lab:get("/hold?n=50000").status, 200)
  t.equal(lab:get("/hold_buffers?n=10").status, 200)
  t.equal(lab:get("/grow").status, 200)
  local grown = profiled() - held
  -- The lab's own: the profiler's tables, the request's.
  t.near(memstats(lab).HeapAlloc - before.HeapAlloc, grown, 0.02 * grown, "HeapAlloc")
  lab:get("/drop")
  t.near(profiled(), held, 100e3, "the profile when all is dropped")
  t.equal(lab:stop(), 0)
end)

t.finish()
