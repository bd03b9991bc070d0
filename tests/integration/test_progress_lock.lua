-- SPDX-License-Identifier: MIT
-- Another program keeps the lock of the progress: what is to be written waits for it, and
-- nobody else does.
local t = require "harness"
local kept = require "kept"
local events, count, wait_events, solve_step_5 = kept.events, kept.count, kept.await, kept.solve_step_5
t.need("curl", "flock")

local PPROF = "/debug/pprof/"

-- As another lab that writes to a slow disk.
t.test("who holds the file up keeps no one else waiting", function()
  local state = t.temp_dir()
  local lab = t.start("--state", state)
  lab:go_to(5)
  wait_events(state, "visit", 1)
  local release = kept.hold(state)
  for i = 1, 12 do t.equal(lab:go_to(i % 2 * 5).status, 200) end
  t.equal(lab:get("/status", "--max-time", "60").status, 200)
  t.equal(lab:get(PPROF .. "heap", "--max-time", "60").status, 200)
  t.equal(count(events(state), "visit"), 1, "the file is held")
  release()
  wait_events(state, "visit", 13)
  t.equal(lab:stop(), 0)
  t.equal(count(events(state), "visit"), 13)
end)

-- As a lab that hangs, or was stopped (SIGSTOP).
t.test("who keeps the file's lock for ever keeps no answer, hint or reset waiting", function()
  local state = t.temp_dir()
  local lab = t.start("--state", state, "--step", "5")
  lab:go_to(5)
  wait_events(state, "visit", 1)
  local release = kept.hold(state)
  t.equal(lab:go_to(5).status, 200) -- its note waits for the lock, too
  local resets = {}
  for i = 1, 5 do
    resets[i] = t.spawn(("curl -sS -X DELETE --max-time 20 '%s/lab/progress?step=9'"):format(lab.url))
  end
  t.equal(lab:get("/status", "--max-time", "20").status, 200)
  for _, one in ipairs(resets) do
    t.equal(one:wait(), 0)
    t.match(one:out(), "^the progress stays as it is: can't write to ")
  end
  t.equal(lab:get("/hint", "--max-time", "20").status, 200)
  t.has(solve_step_5(lab), "verdict   solved")
  lab:wait_log("can't keep the progress in " .. state .. ": another program has its lock; it waits in memory")
  t.equal(events(state):find("hint", 1, true), nil, "the file is held")
  release()
  wait_events(state, "answer", 1) -- without a further event
  lab:wait_log("the progress is in " .. state .. " again")
  local wanted = { visit = 2, hint = 1, answer = 1, reset = 0 }
  for what, n in pairs(wanted) do t.equal(count(events(state), what), n, what) end
  t.equal(lab:stop(), 0)
end)

-- The first answer waits for the file, the others for the first. When they have come isn't
-- known, so the switch is tried at several moments.
t.test("an answer that waits until another visit has begun isn't judged on that", function()
  local state = t.temp_dir()
  local lab = t.start("--state", state, "--step", "5")
  local tries = 0
  t.eventually(function()
    local release = kept.hold(state)
    local sent = {}
    tries = tries + 1
    for i = 1, 3 do
      lab:get(PPROF .. "goroutine?debug=2")
      sent[i] = t.spawn(("curl -sS --max-time 60 -d 'class=leak.task&where=startGoroutines&evidence=goroutine' '%s'")
        :format(lab.url .. "/lab/answer"))
    end
    t.sleep(0.02 * (tries % 20))
    t.equal(lab:go_to(5).status, 200)
    release()
    local late
    for _, one in ipairs(sent) do
      t.equal(one:wait(), 0)
      t.check(not one:out():find("nil value", 1, true), one:out())
      late = late or one:out():find("the step was left before this was judged", 1, true)
    end
    return late
  end)
  t.equal(lab:stop(), 0)
end)

t.test("what waits for the file is written when the lab stops", function()
  local state = t.temp_dir()
  local lab = t.start("--state", state, "--step", "5")
  lab:get("/hint")
  wait_events(state, "hint", 1)
  local release = kept.hold(state)
  t.equal(lab:get("/hint").status, 200)
  t.equal(count(events(state), "hint"), 1, "the file is held")
  release()
  t.equal(lab:stop(), 0)
  t.equal(count(events(state), "hint"), 2)
end)

t.finish()
