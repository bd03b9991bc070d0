-- SPDX-License-Identifier: MIT
-- Codes of feedback that no shipped step leads to: each from captures of a lab.
local t = require "harness"
local exercise = require "exercise"
t.need("curl")

local PPROF = "/debug/pprof/"

-- The code, and the sentence for people.
local function answer(lab, form)
  local got = lab:post("/lab/answer", form, "-H", "Accept: application/json")
  t.equal(got.status, 200, got.body)
  local verdict, code = got.body:match('"verdict": "(%a+)"'), got.body:match('"code": "([%w._]+)"')
  return verdict .. " " .. code, got.body:match('"feedback": "([^"]*)"')
end

local function start(dir)
  return t.start_with({ dir:match("^(.*)/") }, "--step", "50")
end

local function requests(lab, n)
  for _ = 1, n do t.equal(lab:get("/").status, 200) end
end

-- Reading the catalog takes much memory for a moment. The process keeps its pages,
-- and none of them is in use.
local CATALOG = [[
local function readCatalog()
  local text = lab.buffer()
  assert(lab.copy_n(text, lab.prng(1), 200000000))
  text:reset()
end

local function findItem(id)
  local item = lab.buffer()
  item:write(("item " .. id):rep(100))
  return item:string()
end

return {
  enter = function() readCatalog() end,
  request = function(_, req)
    local item = findItem(req.id)
    return item .. "\n"
  end,
}
]]

local LESSON = [[
return {
  title = "A large catalog", symptom = "The process is large.", difficulty = 3, minutes = 10, hints = { "Look." },
  expect = {
    { metric = "process_resident_memory_bytes", at = "end", value = ">= 100MB", about = { "readCatalog", "findItem" } },
  },
  diagnosis = { class = "memory.fragmented", where = { "readCatalog", "findItem" } },
}
]]

t.test("rss_is_no_leak: a large process, of which little is in use", function()
  if t.is_sanitized() then return end -- its heap gives idle memory back in a way of its own
  local dir = t.temp_dir() .. "/50-catalog"
  t.run("mkdir " .. dir)
  t.write(dir .. "/scenario.lua", CATALOG)
  t.write(dir .. "/lesson.lua", LESSON)
  local lab = start(dir)
  requests(lab, 3)
  lab:get(PPROF .. "heap?gc=1")
  lab:get("/metrics")
  t.check(lab:rss() > 100e6, "the process is large")
  local code, text = answer(lab, "class=memory.retained&where=findItem")
  t.equal(code, "partial rss_is_no_leak")
  t.has(text, "your heap profile says that little is in use")
  t.equal(answer(lab, "class=memory.fragmented&where=findItem"), "solved solved")
  t.equal(answer(lab, "class=memory.pinned&where=findItem"), "partial class.family", "it is about memory that is kept")
  t.equal(lab:stop(), 0)
end)

-- A sentence with `always` rules something out, with the fault and without it.
t.test("evidence.healthy_too: what a healthy program shows, too", function()
  local dir = exercise.make("leak.file", "receipts")
  exercise.edit(dir, "lesson.lua", "expect = {\n", "expect = {\n" ..
    '    { profile = "goroutine", under = "writeReceipt", value = "= 0", always = true },\n')
  local lab = start(dir)
  requests(lab, 3)
  lab:get(PPROF .. "lab.OpenFiles")
  lab:get(PPROF .. "goroutine")
  local right = "class=leak.file&where=writeReceipt&evidence="
  local code, text = answer(lab, right .. "goroutine")
  t.equal(code, "partial evidence.healthy_too")
  t.equal(text, "A healthy program shows the same. What does it not have? A lab.OpenFiles profile or /metrics would " ..
    "show it.")
  t.equal(answer(lab, right .. "goroutine,lab.OpenFiles"), "solved solved")
  t.equal(lab:stop(), 0)
end)

-- Who has looked before the load, to compare, has one such capture, and others.
t.test("evidence.idle: it says which captures it was", function()
  local dir = exercise.make("leak.file", "receipts")
  local lab = t.start_with({ dir:match("^(.*)/"), t.source .. "/scenarios" }, "--step", "50")
  lab:get("/metrics")
  local code, text = answer(lab, "class=leak.file&where=request")
  t.equal(code, "invalid evidence.idle")
  t.has(text, "Your captures were taken while nothing ran")
  requests(lab, 3)
  lab:get(PPROF .. "goroutine")
  code, text = answer(lab, "class=leak.file&where=request")
  t.equal(code, "invalid evidence.idle")
  t.equal(text, "c1 was taken while nothing ran: take it again while requests are under way.")
  lab:get("/metrics")
  t.equal(answer(lab, "class=leak.file&where=writeReceipt"), "solved solved")
  lab:go_to(24)
  lab:get(PPROF .. "heap")
  lab:get("/")
  lab:get("/metrics")
  code, text = answer(lab, "class=none")
  t.equal(code, "invalid evidence.idle")
  t.equal(text, "c4 was taken while nothing ran: take it again while requests are under way.")
  lab:go_to(24)
  lab:get("/")
  lab:get("/metrics")
  code, text = answer(lab, "class=none")
  t.equal(code, "invalid evidence.idle")
  t.equal(text, "Numbers alone don't say that all is well: take a profile while requests are under way.")
  t.equal(lab:stop(), 0)
end)

t.test("a profile is named before numbers, whatever the lesson begins with", function()
  local dir = exercise.make("leak.file", "receipts")
  local profile = t.match(t.read(dir .. "/lesson.lua"), '    { profile = "lab.OpenFiles"[^\n]*\n')
  exercise.edit(dir, "lesson.lua", profile, "")
  exercise.edit(dir, "lesson.lua", 'about = "writeReceipt" },\n', 'about = "writeReceipt" },\n' .. profile)
  local lab = start(dir)
  requests(lab, 3)
  lab:get("/metrics")
  lab:get(PPROF .. "lab.OpenFiles")
  lab:get(PPROF .. "goroutine")
  local right = "class=leak.file&where=writeReceipt"
  local _, text = answer(lab, right .. "&evidence=goroutine")
  t.equal(text, "The evidence that you name doesn't show that about this function: "
    .. "a lab.OpenFiles profile or /metrics would.")
  t.has(lab:post("/lab/answer", right, "-H", "Accept: application/json").body, '"evidence": "c2"')
  t.equal(lab:stop(), 0)
end)

t.test("where.victim: who waits is not to blame", function()
  local lab = start(exercise.make("wait.lock", "prices"))
  local load = t.spawn(("sh -c 'while :; do curl -s %s/import -o /dev/null; done'"):format(lab.url))
  t.eventually(function()
    requests(lab, 5)
    return lab:get(PPROF .. "block?debug=1", "-A", "Prometheus").body:find("readPrice", 1, true)
  end)
  lab:get(PPROF .. "block")
  load:signal("KILL")
  local code, text = answer(lab, "class=wait.lock&where=readPrice")
  t.equal(code, "partial where.victim")
  t.equal(text, "That one suffers; who makes it wait?")
  t.equal(lab:stop(), 0)
end)

t.test("where.victim: who made the memory isn't who keeps it", function()
  local lab = t.start("--step", "21")
  requests(lab, 5)
  lab:get(PPROF .. "heap")
  local code, text = answer(lab, "class=memory.pinned&where=receiveUpload")
  t.equal(code, "partial where.victim")
  t.equal(text, "It only made or used that memory: who decides what becomes of it?")
  t.equal(lab:stop(), 0)
end)

-- serve calls render, which computes and calls escape and sign.
local PAGES = [[
local function escape(text)
  lab.spin(0.02)
  return text
end

local function sign(text)
  lab.spin(0.02)
  return text
end

local function render(text)
  lab.spin(0.05)
  local safe = escape(text)
  local signed = sign(safe)
  return signed
end

local function serve()
  local page = render("page\n")
  return page
end

local function greet()
  lab.spin(0.02)
end

return {
  request = function()
    greet()
    local page = serve()
    return page
  end,
}
]]

t.test("where.caller, where.callee and where.elsewhere: on the way, and beside it; a victim first", function()
  local dir = t.temp_dir() .. "/50-pages"
  t.run("mkdir " .. dir)
  t.write(dir .. "/scenario.lua", PAGES)
  t.write(dir .. "/lesson.lua", [[return { title = "Slow pages", symptom = "Pages are slow.", difficulty = 1,
    minutes = 5, hints = { "Look." },
    expect = { { profile = "cpu", under = "render", value = ">= 0.03s per request" } },
    diagnosis = { class = "cpu.hot", where = "render", victims = { "sign" } } }]])
  local lab = start(dir)
  local load = t.spawn(("sh -c 'while :; do curl -s %s/ -o /dev/null; done'"):format(lab.url))
  local wanted = { serve = "where.caller", escape = "where.callee", greet = "where.elsewhere", sign = "where.victim" }
  t.eventually(function() -- until all of them are in the profile
    lab:get("/lab/captures", "-X", "DELETE")
    lab:get(PPROF .. "profile?seconds=2&hz=500")
    for name in pairs(wanted) do
      if answer(lab, "class=cpu.hot&where=" .. name):find("unknown", 1, true) then return false end
    end
    return answer(lab, "class=cpu.hot&where=render") == "solved solved"
  end, 60)
  load:signal("KILL")
  for name, code in pairs(wanted) do
    t.equal(answer(lab, "class=cpu.hot&where=" .. name), "partial " .. code)
  end
  t.equal(lab:stop(), 0)
end)

t.finish()
