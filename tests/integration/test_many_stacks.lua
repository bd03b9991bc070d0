-- SPDX-License-Identifier: MIT
-- needs: processor
-- A heap profile of very many stacks, and who writes it.
local t = require "harness"
t.need("go", "curl")

local PPROF = "/debug/pprof/"
local scenarios = t.source .. "/tests/integration/scenarios"

-- 2^DEPTH stacks. The time itself is for the eye: a busy machine has its own.
local function check_many_stacks(depth)
  local lab = t.start_with({ scenarios }, "--step", "71", "--memprofile-rate", "1")
  t.equal(lab:get("/wide?n=" .. depth).status, 200)
  local profile = t.temp_dir() .. "/heap"
  local workers, control = lab:thread_cpu("libuv"), lab:thread_cpu("diaglab")
  t.equal(lab:get(PPROF .. "heap").status, 200)
  workers, control = lab:thread_cpu("libuv") - workers, lab:thread_cpu("diaglab") - control
  if lab:vars()("HeapIdle") > 0 then -- not a build for sanitizers, which are slow
    t.between(workers, 3e-7 * 2 ^ depth, 15e-6 * 2 ^ depth, "CPU seconds of the workers") -- 2.3e-6 on a quiet machine
    t.check(control < 0.2 * workers, ("CPU seconds of the control thread: %g of %g"):format(control, workers))
  end
  local curl = t.spawn(("curl -sS -w '%%{time_total}' -o %s '%sheap'"):format(profile, lab.url .. PPROF))
  local answers = t.run(("curl -sS -o /dev/null -w '%%{time_total}\n' '%scmdline?[1-300]'"):format(lab.url .. PPROF))
  t.equal(curl:wait(), 0)
  local slow, n = 0, 0
  for seconds in answers.out:gmatch("[%d.]+") do
    n = n + 1
    if tonumber(seconds) > 0.01 then slow = slow + 1 end
  end
  t.equal(n, 300, "answers meanwhile")
  print(("     written in %.2f s (%.0f ms of them on the control thread); %d of %d answers took more than 10 ms")
    :format(tonumber(curl:out()), control * 1000, slow, n))
  local raw = t.pprof.raw(profile)
  local stacks = 0
  for _, s in ipairs(raw.samples) do
    if #s.stack > depth then stacks = stacks + 1 end
  end
  t.check(stacks >= 1 << depth, stacks .. " different stacks")
  t.equal(lab:stop(), 0)
end

t.test("16,000 stacks: written by a worker, and the control thread goes on", function() check_many_stacks(14) end)
t.long("130,000 stacks: written by a worker, and the control thread goes on", function() check_many_stacks(17) end)

-- A script that loads new chunks again and again has a limit of memory; so have
-- the tables in which the lab keeps their functions and stacks.
t.test("chunks without end: bounded, and the next step's tasks have all names", function()
  local dir = t.temp_dir()
  t.run(("mkdir %s/41-loads %s/42-next"):format(dir, dir))
  t.write(dir .. "/41-loads/scenario.lua", [[
local pad = ("s"):rep(1000)
local function start(i, seconds)
  lab.go(load("local sleep, seconds = ... sleep(seconds) return 1", "=" .. i .. pad), lab.sleep, seconds)
end
return { limits = { memory = "64MiB" }, request = function()
  for i = 1, 60000 do
    start(i, 0)
    lab.sleep(0)
  end
  start(0, 1000)
  return "loaded"
end }
]])
  t.write(dir .. "/42-next/scenario.lua", [[
local function waitForever() lab.sleep(1000) return 1 end
return { request = function() lab.go(waitForever) return "next" end }
]])
  local lab = t.start_with({ dir, t.source .. "/scenarios" }, "--step", "41")
  t.equal(lab:get("/").body, "loaded")
  t.between(lab:vars()("BuckHashSys") / (1 << 20), 10, 60, "MiB of tables")
  t.has(lab:get(PPROF .. "goroutine?debug=1").body, "[too many")
  t.equal(lab:go_to(42).status, 200)
  t.equal(lab:get("/").body, "next")
  local text = lab:get(PPROF .. "goroutine?debug=1").body
  t.check(not text:find("[too many", 1, true), "a function of the next step has no name: " .. text)
  t.has(text, "waitForever")
  t.equal(lab:stop(), 0)
end)

t.finish()
