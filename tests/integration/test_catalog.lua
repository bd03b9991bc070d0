-- SPDX-License-Identifier: MIT
-- The list of steps and their hints, as students ask for them: /steps, /hint,
-- and diaglab --list.
local t = require "harness"
local exercise = require "exercise"
t.need("curl")
t.with_stuck()

local function write_scenario(dir, name, text)
  t.run("mkdir -p " .. dir .. "/" .. name)
  t.write(dir .. "/" .. name .. "/scenario.lua", text)
end

local SPOILERS = { "mutex", "leakMemory", "eatCPU", "startGoroutines", "createFiles" }

t.test("/steps has all of them, marks the present one, and doesn't spoil", function()
  local lab = t.start()
  local answer = lab:get("/steps")
  t.equal(answer.status, 200)
  t.equal(answer.headers["content-type"], "text/plain; charset=utf-8")
  for number in exercise.numbers():gmatch("%d+") do
    t.match(answer.body, "\n?[ >] step " .. number .. ": %u[^\n]+ %(difficulty [1-5] of 5, %d+ minutes%)\n    %u")
  end
  t.has(answer.body, "> step 0: All is well (difficulty 1 of 5, 5 minutes)\n    None. Look at a healthy program")
  for _, word in ipairs(SPOILERS) do t.check(not answer.body:find(word), "no " .. word) end
  for line in answer.body:gmatch("    [^\n]+") do t.check(#line <= 78, "wrapped: " .. line) end
  lab:go_to(2)
  t.has(lab:get("/steps").body, "> step 2: ")
  t.equal(lab:stop(), 0)
end)

t.test("/steps as JSON, by Accept or by format", function()
  local lab = t.start("--step", "3")
  local answer = lab:get("/steps", "-H", "Accept: application/json")
  t.equal(answer.headers["content-type"], "application/json; charset=utf-8")
  t.equal(lab:get("/steps?format=json").body, answer.body)
  t.match(answer.body, '^{"format": "diaglab%-steps/1", "step": 3, "steps": %[\n')
  t.has(answer.body, '{"number": 1, "slug": "counter", "title": "No answer at all", "symptom": "Requests are never answered. ')
  t.has(answer.body, '"difficulty": 2, "minutes": 10, "hints": 3}')
  if t.have("python3") then
    t.equal(t.run("curl -s '" .. lab.url .. "/steps?format=json' | python3 -m json.tool").code, 0, "JSON")
  end
  t.equal(lab:get("/steps?format=text", "-H", "Accept: application/json").headers["content-type"],
    "text/plain; charset=utf-8")
  t.equal(lab:stop(), 0)
end)

t.test("scenarios of all kinds are listed, whatever they do when they are loaded", function()
  local dir = t.temp_dir()
  write_scenario(dir, "40-quiet", "return { request = function() end }")
  write_scenario(dir, "41-busy", [[
local began, turn = lab.now(), lab.mutex("x")
local n = 3 * lab.buffer(10):len() + #lab.channel(3)
if lab.cpu_time() - began > n then turn:lock() end
local text = lab.include "text"
return { title = text.title, symptom = "a\tb \"c\" \195\188", request = function() end }]])
  t.write(dir .. "/41-busy/text.lua", "return { title = 'from another file' }")
  write_scenario(dir, "42-syntax", "return {\n request = function( }")
  write_scenario(dir, "43-loop", "while true do end")
  write_scenario(dir, "44-stubborn", "while true do pcall(function() while true do end end) end")
  write_scenario(dir, "45-hungry", "local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(1000000) .. i end")
  write_scenario(dir, "46-key", "return {\n tittle = 'x', request = function() end }")
  write_scenario(dir, "47-one", "return { request = function() end }")
  write_scenario(dir, "47-two", "return { request = function() end }")
  write_scenario(dir, "48-escapes", [[
return { title = "a\27[31mb\n\n  step 99: c\0\127\194\155d", symptom = "e\27[2Jf", request = function() end }]])
  local lab = t.start_with { dir }
  local list = lab:get("/steps").body
  t.match(list, "^  step 40: %(no title%)\n")
  t.has(list, "step 41: from another file\n    a b \"c\" \195\188\n")
  t.match(list, "step 42: %(no title%)\n    It can't be selected: %S+42%-syntax/scenario.lua:2: ")
  t.match(list, "step 43: %(no title%)\n    It can't be selected: "
    .. "%S+43%-loop/scenario.lua:1: it\n?%s+doesn't come to an end\n")
  t.match(list, "step 44: %(no title%)\n    It can't be selected: ")
  t.match(list:gsub("%s+", " "),
    "step 45: %(no title%) It can't be selected: %S+45%-hungry/scenario.lua: not enough memory step 46")
  t.match(list, "step 46: [^\n]+\n    It can't be selected: %S+46%-key/scenario.lua:2: unknown")
  t.match(list, "step 47: %(no title%)\n    It can't be selected: there is another one")
  t.has(list, "step 48: a [31mb    step 99: c   d\n    e [2Jf\n")
  t.equal(list:find("[^%C\n]"), nil, "no control characters")
  local json = lab:get("/steps?format=json").body
  t.has(json, '{"number": 41, "slug": "busy", "title": "from another file", "symptom": "a\\u0009b \\u0022c\\u0022 \195\188", "hints": 0}')
  -- What it did was no work of the lab's.
  t.equal(lab:go_to(41).body, "switched to step 41")
  t.equal(lab:stop(), 0)
end)

t.test("it answers while the program under diagnosis hangs in C code", function()
  local dir = t.temp_dir()
  write_scenario(dir, "48-hangs", [[
return { title = "hangs", hints = { "one" }, request = function()
  return ("x"):find("stuck 3600", 1, true)
end }]])
  local lab = t.start_with { dir }
  lab:go_to(48)
  t.spawn("curl -s --max-time 20 " .. lab.url .. "/")
  lab:wait_log("Starting processing request")
  t.has(lab:get("/steps", "--max-time", "60").body, "> step 48: hangs")
  t.equal(lab:get("/hint", "--max-time", "60").body, "hint 1: one\n")
  t.equal(lab:end_in(5), 0)
end)

-- Hints 1 and 2 of a lab with so many SECONDS between them, and what came too early;
-- and the time that passed until it came, for there is no too early for who is slow.
local function ask_for_hints(seconds)
  local lab, asked = t.start("--step", "1", "--hints", tostring(seconds)), t.now()
  t.equal(lab:get("/hint").status, 200)
  local early = lab:get("/hint?n=2")
  local slowest = t.now() - asked
  t.equal(lab:get("/hint?n=1").status, 200, "what was told can be read again")
  local second = t.eventually(function()
    asked = t.now()
    local answer = lab:get("/hint?n=2")
    return answer.status == 200 and answer
  end)
  lab:go_to(2)
  lab:go_to(1)
  t.equal(lab:get("/hint?n=2").body, second.body, "also in the next visit")
  local third = lab:get("/hint?n=3")
  slowest = math.max(slowest, t.now() - asked)
  t.equal(lab:stop(), 0)
  return seconds, slowest, early, third
end

t.test("the next hint comes when the last one was tried", function()
  local pause, _, early, third = t.enough(ask_for_hints, function(pause, slowest) return slowest < pause end, 2)
  t.equal(early.status, 429)
  local told = t.match(early.body, "^Try first what hint 1 asks%. Hint 2 comes in (%d+) seconds%.\n$")
  t.between(tonumber(told), 1, pause)
  t.equal(early.headers["retry-after"], told)
  t.equal(third.status, 429)
end)

t.test("a lab can be without hints", function()
  local lab = t.start("--step", "1", "--hints", "off")
  for _, path in ipairs { "/hint", "/hint?n=1", "/hint?format=json" } do
    t.equal(lab:get(path).body, "this lab gives no hints\n")
    t.equal(lab:get(path).status, 404)
  end
  t.check(not lab:get("/steps").body:find("hint"), "the list doesn't speak of them")
  for n in lab:get("/steps?format=json").body:gmatch('"hints": (%d+)') do t.equal(n, "0") end
  t.equal(lab:stop(), 0)
  for _, wrong in ipairs { "on", "-1", "" } do
    t.equal(t.run(t.command { t.diaglab, "--hints", wrong }).code, 2, wrong)
  end
end)

t.test("hints come one at a time", function()
  local lab = t.start("--step", "1", "--hints", "0")
  local first = lab:get("/hint")
  t.equal(first.status, 200)
  t.match(first.body, "^hint 1: Begin with the question .+\n/hint%?n=2 goes on.\n$")
  t.equal(lab:get("/hint?n=1").body, first.body)
  t.match(lab:get("/hint?n=2").body, "^hint 2: .+\n/hint%?n=3 goes on.\n$")
  local last = lab:get("/hint?n=3").body
  t.match(last, "^hint 3: .+\n$")
  t.check(not last:find("goes on"), "the last one says so by saying nothing")
  lab:wait_log("step 1: hint 3 was asked for")
  t.match(lab:get("/hint?n=2&format=json").body,
    '^{"format": "diaglab%-hint/1", "step": 1, "n": 2, "more": true, "hint": "The process uses no CPU[^\n]+"}\n$')
  local none = lab:get("/hint?n=4")
  t.equal(none.status, 404)
  t.equal(none.body, "step 1 has no hint 4\n")
  t.equal(lab:get("/hint?n=x").status, 400)
  t.equal(lab:get("/hint?n=0").status, 400)
  lab:go_to(5)
  t.equal(lab:get("/hint?n=3").body, "hint 1 comes first: ask for /hint?n=1\n")
  t.equal(lab:get("/hint?n=3").status, 409)
  for n = 1, 2 do t.equal(lab:get("/hint?n=" .. n).status, 200) end
  t.has(lab:get("/hint?n=3").body, "`curl -s 'localhost:" .. lab.port
    .. "/debug/pprof/goroutine?debug=1' | head -20`", "in one line, with the lab's own port")
  lab:go_to(0)
  t.match(lab:get("/hint").body, "^hint 1: ")
  t.equal(lab:stop(), 0)
end)

t.test("commands in hints have the port at which the student knows the lab", function()
  local lab = t.start("--step", "1")
  for host, port in pairs { ["localhost:7070"] = "localhost:7070", ["127.0.0.1:8123"] = "localhost:8123",
    ["[::1]:65535"] = "localhost:65535", ["localhost:6060"] = "localhost:6060", localhost = "localhost:80" } do
    t.has(lab:get("/hint", "-H", "Host: " .. host).body, "`curl --max-time 60 " .. port .. "/ &`", host)
    t.has(lab:get("/hint?format=json", "-H", "Host: " .. host).body, "`curl --max-time 60 " .. port .. "/ &`", host)
  end
  t.equal(lab:stop(), 0)
end)

t.test("diaglab --list prints the same, without a lab", function()
  local lab = t.start()
  local list = lab:get("/steps").body
  local printed = t.run(t.command { t.diaglab, "--list" })
  t.equal(printed.code, 0)
  t.equal(printed.err, "")
  t.equal(printed.out, (list:gsub("> step 0", "  step 0")))
  local dir = t.temp_dir()
  write_scenario(dir, "49-mine", "return { title = 'mine', request = function() end }")
  printed = t.run(t.command { t.diaglab, "--list", "--scenarios", dir })
  t.match(printed.out, "^  step 49: mine\n\n/goto")
  printed = t.run(t.command { t.diaglab, "--scenarios", dir .. "/none", "--list" })
  t.equal(printed.code, 1)
  t.has(printed.err, "can't read scenarios in " .. dir .. "/none: No such file or directory")
  t.equal(lab:stop(), 0)
end)

t.finish()
