-- SPDX-License-Identifier: MIT
-- The page at /lab/ when many ask for it, when one looks, when there is much to say,
-- and when what it says changes.
local t = require "harness"
t.need("curl")
local socket = require "socket"

local function start(...) return t.start("--state", t.temp_dir(), ...) end

if start():get("/lab/").body:find("built without its page", 1, true) then
  t.skip("this build has no page (WEB_UI=OFF)")
end

-- ---- many that leave -----------------------------------------------------------

local function pool_cpu(lab) return lab:thread_cpu("libuv") end

-- Asks for the page N times, and goes away at once.
local function ask_and_leave(lab, n)
  local host, port = lab.url:match("^http://(.-):(%d+)$")
  for _ = 1, n do
    local connection = assert(socket.connect(host, tonumber(port)))
    assert(connection:send(("GET /lab/ HTTP/1.1\r\nHost: %s:%s\r\n\r\n"):format(host, port)))
    connection:close()
  end
end

-- A page that is asked for later comes later: then the work for the others is done.
t.test("a page whose client has gone is not made", function()
  local lab = start()
  lab:get("/lab/")
  local before = pool_cpu(lab)
  for _ = 1, 40 do lab:get("/lab/") end
  local one = (pool_cpu(lab) - before) / 40
  before = pool_cpu(lab)
  ask_and_leave(lab, 600)
  t.equal(lab:get("/lab/").status, 200)
  local spent = (pool_cpu(lab) - before) / one
  t.check(spent < 300, ("600 that left have cost as much as %.0f pages"):format(spent))
end)

-- ---- one that looks --------------------------------------------------------------

-- There is an event each second, so half a percent of a processor is 5 ms for each.
t.test("an open page costs the lab less than half a percent of a processor", function()
  local lab = start()
  local file = t.temp_file()
  t.spawn(t.command { "curl", "-sN", "-o", file, lab.url .. "/lab/api/stream" })
  local function events() return select(2, (t.read(file) or ""):gsub("event: now", "")) end
  t.eventually(function() return events() >= 1 end)
  local seen, before = events(), lab:thread_cpu("")
  t.eventually(function() return events() >= seen + 8 end)
  local each = (lab:thread_cpu("") - before) / (events() - seen)
  print(("an event of the stream: %.2f ms of CPU time"):format(1000 * each))
  t.between(each, 0.00001, 0.005)
end)

-- ---- many events ---------------------------------------------------------------

-- N events as the lab writes them; most are answers that were wrong.
local function write_events(folder, n)
  local lines = {}
  for i = 1, n do
    local form = '{"at": "2026-11-28T10:00:00Z", "seconds": %d, "event": "%s", "step": %d, "attempt": "%016x", ' ..
      '"captures": %d%s}'
    local is_visit = i % 10 == 0
    lines[i] = form:format(1700000000 + i, is_visit and "visit" or "answer", i % 7, 0x1234567890 + i // 10, i % 10,
      is_visit and "" or ', "verdict": "wrong", "score": 10, "code": "class.family", "class": "cpu.hot"')
  end
  lines[n] = lines[n]:gsub('"event": "visit"(.*)}$', '"event": "answer"%1, "verdict": "solved", "score": 100, ' ..
    '"code": "solved", "class": "memory.retained"}')
  t.write(folder .. "/progress.jsonl", table.concat(lines, "\n") .. "\n")
  return n % 7
end

t.test("the page and the progress show 50,000 events", function()
  local state = t.temp_dir()
  local solved = write_events(state, 50000)
  local lab = t.start("--state", state)
  local page = lab:get("/lab/")
  t.equal(page.status, 200, page.body:sub(1, 200))
  t.has(page.body, ('data-step="%d" data-state=solved'):format(solved))
  local progress = lab:get("/lab/progress?format=csv")
  t.equal(progress.status, 200, progress.body:sub(1, 200))
  t.match(progress.body, "\n" .. solved .. ",%d+,%d+,0,%d+,100,true,")
end)

-- Both have the same steps; each look comes after a new event.
t.test("to look at the progress costs the same after 100,000 events as after 70", function()
  local labs, spent = {}, { 0, 0 }
  for i, n in ipairs { 100000, 70 } do
    local state = t.temp_dir()
    write_events(state, n)
    labs[i] = t.start("--state", state)
    t.match(labs[i]:get("/lab/progress?format=json").body, '"visits": %d+}%]}')
    labs[i]:get("/lab/")
  end
  for _ = 1, 20 do
    for i, lab in ipairs(labs) do
      lab:go_to(0)
      local before = pool_cpu(lab)
      t.equal(lab:get("/lab/progress").status, 200)
      lab:get("/lab/")
      spent[i] = spent[i] + pool_cpu(lab) - before
    end
  end
  t.check(spent[1] < 2 * spent[2], ("%.1f ms instead of %.1f"):format(spent[1] * 50, spent[2] * 50))
end)

t.test("a progress that can't be read is told, and the rest of the page is there", function()
  local state = t.temp_dir()
  t.equal(t.run("mkdir " .. t.quote(state .. "/progress.jsonl")).code, 0)
  local page = t.start("--state", state):get("/lab/")
  t.equal(page.status, 200)
  t.has(page.body, "What you have done can't be read")
  t.has(page.body, "no regular file")
end)

-- ---- what changes --------------------------------------------------------------

local SCENARIO = [[
return { title = "%s", symptom = "none", hints = { "%s" }, request = function() return "x" end }
]]

local function write_step(dir, name, title, hint)
  t.run("mkdir -p " .. t.quote(dir .. "/" .. name))
  t.write(dir .. "/" .. name .. "/scenario.lua", SCENARIO:format(title, hint))
end

t.test("the list of steps is made anew when a scenario changes", function()
  local dir = t.temp_dir()
  write_step(dir, "00-well", "The first", "a hint")
  write_step(dir, "04-one", "One step", "look there")
  local lab = start("--scenarios", dir)
  local function page() return lab:get("/lab/").body end
  local function title_of(step)
    return page():match('<li class=ticket data%-step="' .. step .. '".-<h3>(.-)</h3>')
  end
  t.equal(title_of(4), "One step")
  t.equal(title_of(4), "One step")
  write_step(dir, "04-one", "Two steps", "look there")
  t.equal(title_of(4), "Two steps")
  write_step(dir, "05-new", "Brand new", "x")
  t.equal(title_of(5), "Brand new")
  t.run("rm -r " .. t.quote(dir .. "/05-new"))
  t.equal(title_of(5), nil)
  t.run("mkdir " .. t.quote(dir .. "/06-empty"))
  t.equal(title_of(6), nil)
  write_step(dir, "06-empty", "No more empty", "x")
  t.equal(title_of(6), "No more empty")
  lab:go_to(4)
  lab:post("/lab/hint", "n=1")
  t.has(page(), "look there")
  write_step(dir, "04-one", "Two steps", "look here")
  t.has(page(), "look here")
  lab:go_to(0)
  t.equal(page():find("look here", 1, true), nil)
end)

t.finish()
