-- SPDX-License-Identifier: MIT
-- For tests of what a student has done: the file in --state, and an answer that is
-- judged.
--
--   kept.events(state)      -> the text of the file, "" without one
--   kept.count(text, what)  -> its events of a kind
--   kept.await(state, what, n)  they are written in the background: waits for N
--   kept.hold(state)        another program has the file's lock, until the function
--                           that this returns is called
--   kept.solve_step_5(lab)  -> what the lab says of the right answer
local t = require "harness"

local kept = {}

function kept.events(state) return t.read(state .. "/progress.jsonl") or "" end

function kept.count(text, what) return select(2, text:gsub('"event": "' .. what .. '"', "")) end

function kept.await(state, what, n)
  t.eventually(function() return kept.count(kept.events(state), what) >= n end)
end

function kept.hold(state)
  t.write(state .. "/hold", "")
  local holder = t.spawn(t.command { "flock", state .. "/progress.jsonl", "sh", "-c",
    "echo held; while [ -e " .. t.quote(state .. "/hold") .. " ]; do sleep 0.1; done" })
  t.eventually(function() return holder:out():find("held") end)
  return function()
    os.remove(state .. "/hold")
    t.equal(holder:wait(), 0)
  end
end

function kept.solve_step_5(lab)
  for _ = 1, 4 do lab:get("/") end
  lab:get("/debug/pprof/goroutine")
  return lab:post("/lab/answer", "class=leak.task&where=startGoroutines").body
end

return kept
