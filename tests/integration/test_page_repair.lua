-- SPDX-License-Identifier: MIT
-- The page's check of a repair: a student who has solved step 5 has the lab prove what
-- became of the program, with curl and with a browser that has no JavaScript.
-- needs: time
local t = require "harness"
t.need("curl")

local SCENARIOS = t.source .. "/scenarios"
local HTML = { "-H", "Accept: text/html,application/xhtml+xml,*/*;q=0.8" }
local PATH = "/lab/api/repair"
local JSON = PATH .. "?format=json"
local PATIENCE = 300 -- seconds for a check, on a busy machine

local function start(state, folder, ...)
  return t.start_with({ SCENARIOS }, "--state", state, "--repair", folder, "--step", "5", ...)
end

if start("none", "none"):get("/lab/").body:find("built without its page", 1, true) then
  t.skip("this build has no page (WEB_UI=OFF)")
end

local function solve(lab)
  for _ = 1, 20 do lab:get("/") end
  lab:get("/debug/pprof/goroutine")
  t.has(lab:post("/lab/answer", "class=leak.task&where=startGoroutines").body, "verdict   solved")
end

-- A student who has solved the step and has its program: a lab, where the progress is,
-- and the folder.
local function start_solved()
  local state, folder = t.temp_dir(), t.temp_dir() .. "/mine"
  local lab = start(state, folder)
  solve(lab)
  local result = t.run(t.command { t.diaglab, "repair", "--scenarios", SCENARIOS, "5", folder })
  t.equal(result.code, 0, result.err)
  return lab, state, folder
end

local function begin(lab)
  local answer = lab:post(PATH, "")
  t.equal(answer.status, 202, answer.body)
  t.match(answer.body, "^step 5: your repair is being checked: %d+ %% after %d+ s\n$")
end

-- What is told when the check has ended: the text, and the JSON.
local function wait_end(lab)
  local text = t.eventually(function()
    local now = lab:get(PATH).body
    return not now:find("is being checked", 1, true) and now
  end, PATIENCE)
  return text, lab:get(JSON).body
end

-- Pids of the processes that PID has started, of those whose command has WORDS in it.
local function children_of(pid, words)
  local found = {}
  for _, name in ipairs(t.names("/proc")) do
    local command = name:find "^%d+$" and t.read("/proc/" .. name .. "/cmdline")
    local parent = command and (t.read("/proc/" .. name .. "/stat") or ""):match "^.*%) %a (%d+)"
    if parent == tostring(pid) and command:find(words, 1, true) then found[#found + 1] = name end
  end
  return found
end

local function find_check(lab)
  return t.eventually(function() return children_of(lab.pid, "repair\0--page")[1] end)
end

local function is_there(pid) return t.read("/proc/" .. pid .. "/stat") ~= nil end

-- Begins a check -> its pid, and those of the labs that it has started.
local function begin_seen(lab)
  begin(lab)
  local pid = find_check(lab)
  local labs = t.eventually(function()
    local found = children_of(pid, "--scenarios")
    return #found > 0 and found
  end)
  return pid, labs
end

local function wait_gone(pid, labs)
  t.eventually(function() return not is_there(pid) end)
  for _, one in ipairs(labs) do t.eventually(function() return not is_there(one) end) end
end

t.test("nothing is told or checked before the step is solved, nor without a program", function()
  local folder = t.temp_dir() .. "/mine"
  local lab = start(t.temp_dir(), folder)
  t.equal(lab:get(PATH).body, "no repair was checked yet: POST /lab/api/repair does it\n")
  t.has(lab:get(JSON).body, '{"format":"diaglab-repair-check/1","begun":false,"running":false,"text":')
  local early = lab:post(PATH, "")
  t.equal(early.status, 403)
  t.equal(early.body, "step 5 is not solved yet: say what is wrong with it first (/lab/answer)\n")
  t.equal(lab:get("/lab/").body:find("/lab/api/repair", 1, true), nil, "the page has no button")
  solve(lab)
  local without = lab:post(PATH, "folder=/etc&check=/etc") -- what is sent names no folder
  t.equal(without.status, 404)
  local get = ("diaglab repair --scenarios %s 5 %s"):format(SCENARIOS, folder)
  t.equal(without.body, ("there is no program of yours in %s/05-workers: get it with\n  %s\n"):format(folder, get))
  t.has(lab:get("/lab/").body, "<pre class=command><code>" .. get .. "</code></pre>")
  t.has(lab:get("/lab/api/solution").body, '"repair": {"check": ')
  local page = lab:post(PATH, "", table.unpack(HTML))
  t.equal(page.status, 404)
  t.has(page.body, "<div role=status class=happened data-kind=repair")
  lab:go_to(0)
  t.equal(lab:post(PATH, "").status, 403, "step 0 can't be solved")
  for _, header in ipairs { "Origin: http://evil.example", "Sec-Fetch-Site: cross-site", "Host: evil.example" } do
    t.equal(lab:post(PATH, "", "-H", header).status, 403)
    t.equal(lab:get(PATH, "-X", "DELETE", "-H", header).status, 403)
  end
  t.equal(lab:get(PATH, "-X", "PUT").status, 405)
  t.equal(lab:stop(), 0)
end)

t.test("still there, broken, repaired: as the command says it", function()
  local lab, _, folder = start_solved()
  local file = folder .. "/05-workers/scenario.lua"
  local program = t.read(file)
  begin(lab)
  local second = lab:post(PATH, "")
  t.equal(second.status, 409)
  t.equal(second.body, "a repair is being checked already; DELETE /lab/api/repair ends that\n")
  t.match(lab:get(JSON).body, '"running":true,"step":5,"seconds":[%d.]+,"percent":%d+,"what":"[^"]*","left_s":')
  t.has(lab:get("/lab/").body, "<button>See how far it is</button>")
  local text, json = wait_end(lab)
  t.match(text, "^05%-workers: still there %(%d+ s%)\nThese sentences speak of the fault, and still hold:\n")
  t.has(text, "\n  goroutine under startGoroutines: share >= 0.9")
  t.has(json, '"report":{"format": "diaglab-repair/1", "name": "05-workers"')
  t.has(json, '"verdict": "still there"')
  t.has(lab:get("/lab/progress?format=json").body, '"repairs": 1')

  t.write(file, (program:gsub("return {", "return }{\xff")))
  begin(lab)
  text, json = wait_end(lab)
  t.match(text, "^05%-workers: broken %(0 s%)\nThis must work, and doesn't:\n  [^\n]*scenario%.lua:%d+:")
  t.has(json, '"verdict": "broken"')
  t.equal(lab:get("/lab/").status, 200, "bytes that are no text don't break the page")

  t.write(file, t.read(SCENARIOS .. "/05-workers/fixed.lua"))
  local form = lab:post(PATH, "", table.unpack(HTML))
  t.equal(form.status, 303)
  t.equal(form.headers.location, "/lab/#say")
  text, json = wait_end(lab)
  t.match(text, "^05%-workers: repaired %(%d+ s%)\nThe fault is gone, and the work is still done%.\n$")
  t.has(json, '"says": "The fault is gone, and the work is still done."')
  t.match(lab:get("/lab/").body, "<pre class=body>05%-workers: repaired")
  t.has(lab:get("/lab/progress?format=json").body, '"repaired": true')
  t.has(lab:get("/metrics").body, 'diaglab_step_repaired{step="5"} 1')
  t.equal(lab:stop(), 0)
end)

-- The repair is then the program that runs, and has no lesson beside it.
t.test("in a lab that runs the student's program as the step; and a check that is stopped", function()
  local first, state, folder = start_solved()
  t.equal(first:stop(), 0)
  local lab = t.start_with({ folder, SCENARIOS }, "--state", state, "--repair", folder, "--step", "5")
  begin(lab)
  local pid = find_check(lab)
  t.equal(lab:get(PATH, "-X", "DELETE").status, 200)
  t.equal(wait_end(lab), "step 5: the check has no verdict: it was ended before there was a verdict\n")
  t.equal(is_there(pid), false)
  t.equal(lab:get(PATH, "-X", "DELETE").status, 200, "there is nothing to stop")
  begin(lab)
  lab:get("/lab/progress?step=5", "-X", "DELETE")
  t.has(wait_end(lab), "no repair was checked yet", "who begins anew sees nothing of it")
  t.equal(lab:post(PATH, "").status, 403)
  t.equal(lab:stop(), 0)
end)

t.test("a lab that ends leaves nothing of a check behind, however it ends", function()
  local lab, state, folder = start_solved()
  local pid, labs = begin_seen(lab)
  t.equal(lab:stop(), 0)
  wait_gone(pid, labs)
  lab = start(state, folder)
  pid, labs = begin_seen(lab)
  lab:signal("KILL")
  t.eventually(function() return not lab:alive() end)
  wait_gone(pid, labs)
end)

t.finish()
