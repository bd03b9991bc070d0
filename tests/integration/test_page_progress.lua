-- SPDX-License-Identifier: MIT
-- What the page shows of the progress where the lab keeps none, or can't: a step is
-- solved there, too.
local t = require "harness"
t.need("curl")

local HTML = { "-H", "Accept: text/html,application/xhtml+xml,*/*;q=0.8" }
local PROGRESS, SOLUTION = "/lab/api/progress", "/lab/api/solution"

local function page_of(lab) return lab:get("/lab/").body end

if t.start("--state", "none"):get("/lab/").body:find("built without its page", 1, true) then
  t.skip("this build has no page (WEB_UI=OFF)")
end

local function start(state) return t.start("--state", state, "--step", "3", "--param", "3.rounds=1") end

local function solve(lab)
  lab:get("/")
  lab:get("/debug/pprof/heap")
  local page = lab:post("/lab/answer", "class=memory.retained&where=leakMemory", table.unpack(HTML)).body
  t.has(page, 'data-verdict="solved"')
end

t.test("a step is solved in a lab that keeps no progress, too", function()
  local lab = start "none"
  t.has(page_of(lab), "This lab keeps no progress")
  t.has(lab:get(PROGRESS).body, '"kept":false,"solved":[],"progress":null}')
  solve(lab)
  t.equal(lab:get(SOLUTION).status, 200)
  t.has(page_of(lab), 'data-step="3" data-state=solved')
  t.has(page_of(lab), '<span class="chip solved">solved</span>', "no score is made up")
  t.has(lab:get(PROGRESS).body, '"kept":false,"solved":[3],"progress":null}')
  lab:get("/lab/progress", "-X", "DELETE")
  t.has(lab:get(PROGRESS).body, '"solved":[]')
  t.equal(lab:get(SOLUTION).status, 403)
end)

t.test("the page's scripts are told what is kept, and why it isn't", function()
  local state = t.temp_dir() .. "/state"
  local lab = start(state)
  solve(lab)
  local kept = lab:get(PROGRESS)
  t.has(kept.body, '{"format":"diaglab-page-progress/1","kept":true,"solved":[3],"progress":{"dropped": 0')
  t.has(kept.body, '"solved": true')
  t.equal(kept.headers["cache-control"], "no-store")
  t.equal(t.run(("mv %s %s.away"):format(t.quote(state), t.quote(state))).code, 0)
  t.write(state, "in the way")
  solve(lab)
  local broken = lab:get(PROGRESS)
  t.equal(broken.status, 200, "the page shows the rest")
  t.has(broken.body, '"kept":false,"solved":[3],"progress":null,"problem":"' .. state)
  t.has(page_of(lab), "This lab keeps no progress")
  t.has(page_of(lab), 'data-step="3" data-state=solved')
end)

t.finish()
