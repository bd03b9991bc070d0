-- SPDX-License-Identifier: MIT
-- Which programs of a step can be entered, and which files of it the page at /lab/
-- shows.
local t = require "harness"
t.need("curl")

local HTML = { "-H", "Accept: text/html,application/xhtml+xml,*/*;q=0.8" }
local API = "/lab/api/"

local function start(...) return t.start("--state", t.temp_dir(), ...) end

local function make_folder(path) t.equal(t.run("mkdir " .. t.quote(path)).code, 0) end

if start():get("/lab/").body:find("built without its page", 1, true) then
  t.skip("this build has no page (WEB_UI=OFF)")
end

-- ---- programs -------------------------------------------------------------------

t.test("the repaired program can be entered, and read once the step is solved", function()
  local lab = start("--step", "3", "--param", "3.rounds=1")
  local fixed = API .. "source?file=" .. t.source .. "/scenarios/03-archive/fixed.lua"
  t.has(lab:get("/status").body, '"fixed": false')
  lab:get("/")
  lab:get("/debug/pprof/heap")
  t.equal(lab:go_to("3&program-file=fixed.lua").body, "switched to step 3")
  t.has(lab:get("/status").body, '"fixed": true')
  t.has(lab:get("/lab/").body, "This is the repaired program")
  t.equal(lab:get(fixed).status, 403, "it tells what is wrong")
  for _, name in ipairs { "nope.lua", "../04-export/scenario.lua", "fixed", "" } do
    local answer = lab:go_to("3&program-file=" .. name)
    t.equal(answer.status, 400, name)
    t.has(answer.body, "step 3 has no program '" .. name .. "'")
  end
  t.has(lab:get("/status").body, '"fixed": true', "nothing has changed")
  t.equal(lab:get("/goto?step=3&round=1").status, 400)
  t.has(lab:get("/status").body, '"fixed": true', "nothing has changed")
  lab:go_to(3)
  t.has(lab:get("/status").body, '"fixed": false')
  lab:get("/")
  lab:get("/debug/pprof/heap")
  t.has(lab:post("/lab/answer", "class=memory.retained&where=leakMemory").body, "verdict   solved")
  local twin = t.match(lab:get(API .. "solution").body, '"twin": "([^"]+)"')
  t.equal(twin, "/goto?step=3&program-file=fixed.lua")
  t.equal(lab:go_to(twin:match "step=(.*)", "--data-binary", "").body, "switched to step 3", "by POST")
  t.equal(lab:get(fixed).status, 200)
  t.equal(lab:get("/").body, "hello world")
end)

t.test("step 0 can run another program, too, and says so until it is left", function()
  local dir = t.temp_dir()
  make_folder(dir .. "/00-baseline")
  make_folder(dir .. "/41-broken")
  for _, name in ipairs { "scenario", "other" } do
    t.write(dir .. "/00-baseline/" .. name .. ".lua", "return { request = function() end }")
  end
  t.write(dir .. "/41-broken/scenario.lua", 'return { request = function() end, enter = function() error "no" end }')
  local lab = t.start_with({ dir }, "--state", t.temp_dir())
  local function is_fixed() return lab:get("/status").body:match '"fixed": (%a+)' end
  t.equal(is_fixed(), "false")
  t.equal(lab:go_to("0&program-file=other.lua").body, "switched to step 0")
  t.equal(is_fixed(), "true")
  t.has(lab:get("/lab/").body, "This is the repaired program")
  t.equal(lab:get("/goto?step=0&program-file=none.lua").status, 400)
  t.equal(is_fixed(), "true", "nothing has changed")
  t.equal(lab:get("/goto?step=41").status, 500)
  t.equal(is_fixed(), "false", "step 0 is active, with its scenario.lua")
  t.equal(lab:go_to("0&program-file=scenario.lua").status, 200)
  t.equal(is_fixed(), "false")
  local bare = t.start_with({ t.temp_dir() }, "--state", t.temp_dir())
  local answer = bare:go_to("0&program-file=other.lua")
  t.equal(answer.status, 400, "there is no folder")
  t.has(answer.body, "step 0 has no program 'other.lua'")
end)

-- ---- sources --------------------------------------------------------------------

t.test("sources are those that profiles of the step name, and no others", function()
  local lab = start()
  local folder = t.source .. "/scenarios/"
  lab:go_to(3, "rounds=1")
  local own = lab:get(API .. "source?file=" .. folder .. "03-archive/scenario.lua")
  t.equal(own.status, 200)
  t.has(own.body, "function leakMemory")
  for _, file in ipairs { "03-archive/lesson.lua", "03-archive/fixed.lua", "03-archive/answers/solved.lua",
    "03-archive/SOLUTION.md", "04-export/scenario.lua", "03-archive/../03-archive/scenario.lua", "../lua/main.lua",
    "../../../../../etc/passwd", "" } do
    local answer = lab:get(API .. "source?file=" .. folder .. file)
    t.equal(answer.status, 404, file)
  end
  -- A lesson is no program, and the repaired program's source tells what is wrong.
  local lesson = lab:go_to("3&program-file=lesson.lua")
  t.equal(lesson.status, 400)
  t.has(lesson.body, "step 3 has no program 'lesson.lua'")
  t.match(lab:get("/status").body, '"step": 3,')
  t.equal(lab:go_to("3&program-file=fixed.lua").status, 200)
  t.equal(lab:get(API .. "source?file=" .. folder .. "03-archive/fixed.lua").status, 403)
  t.match(lab:get("/status").body, '"fixed": true')
  t.equal(lab:go_to("3&rounds=1&program-file=scenario.lua").status, 200)
  t.match(lab:get("/status").body, '"fixed": false')
  t.equal(lab:get(API .. "source?file=" .. folder .. "03-archive/lesson.lua").status, 404)
  t.equal(lab:get(API .. "source?file=").status, 400)
  t.equal(lab:get(API .. "source").status, 400)
  t.equal(lab:get(API .. "source?file=" .. ("a"):rep(5000)).status, 404)
  lab:go_to(0)
  t.equal(lab:get(API .. "source?file=" .. folder .. "03-archive/scenario.lua").status, 404, "of the step before")
end)

t.test("a file that tells the answer is read when the step is solved", function()
  local dir = t.temp_dir()
  make_folder(dir .. "/07-inside")
  t.write(dir .. "/07-inside/scenario.lua", [[
local kept = {}
local function keepBytes() kept[#kept + 1] = ("x"):rep(1000000) .. #kept end
return { title = "t", symptom = "s", difficulty = 1, minutes = 5, hints = { "h" }, load = { requests = 5 },
  expect = { { profile = "heap.inuse_space", under = "keepBytes", share = ">= 0.5" } },
  diagnosis = { class = "memory.retained", where = "keepBytes" },
  request = function() keepBytes() end }
]])
  local lab = t.start_with({ dir }, "--state", t.temp_dir(), "--step", "7", "--memprofile-rate", "1")
  local path = API .. "source?file=" .. dir .. "/07-inside/scenario.lua"
  t.equal(lab:get(path).status, 403)
  for _ = 1, 5 do lab:get("/") end
  lab:get("/debug/pprof/heap")
  local verdict = lab:post("/lab/answer", "class=memory.retained&where=keepBytes", table.unpack(HTML))
  t.has(verdict.body, 'data-verdict="solved"')
  t.equal(lab:get(path).status, 200)
end)

t.finish()
