-- SPDX-License-Identifier: MIT
-- diaglab test: for each stage of the proof a folder that breaks it is refused for
-- that reason; the good twin is proven. And the exercises that come with the
-- program are proven.
-- needs: time
local t = require "harness"
local exercise = require "exercise"
local edit, make_twin, prove = exercise.edit, exercise.make_twin, exercise.prove

local function refused(dir, ...)
  local result = prove(dir)
  t.equal(result.code, 1, result.out)
  t.match(result.out, "\n?50%-receipts +not proven")
  for _, text in ipairs { ... } do t.has(result.out, text) end
  return result.out
end

t.test("the good twin is proven", function()
  local dir = make_twin()
  local result = prove(dir)
  t.equal(result.code, 0, result.out)
  t.match(result.out, "^50%-receipts +proven +[%d.]+ s  3 sentences\n")
  t.has(result.out, "1 exercise: 1 proven, 0 not proven, 0 inconclusive, in ")
  t.check(not (result.out .. result.err):find("[\r\27]"), "no line that changes in a pipe")
  t.match(result.err, "^50%-receipts: sentences  %d+ s\n50%-receipts: more clients  %d+ s of about %d+ s\n" ..
    "50%-receipts: answers  %d+ s of about %d+ s\n50%-receipts: as a student  %d+ s of about %d+ s\n$")
end)

t.test("a sentence that fails with the fault", function()
  local dir = make_twin()
  edit(dir, "lesson.lua", 'value = "= 1 per request" },\n    { metric', 'value = "= 2 per request" },\n    { metric')
  local out = refused(dir, "it doesn't hold with the fault: share 1.000, value 1 (1 to 1) per request",
    "; functions of the program in this profile: request, writeReceipt", "top of the profile (flat, cum):",
    "lab.temp_file")
  local file = t.match(out, "profile: (%S+%.pb%.gz)\n")
  t.equal(t.run("gzip -t " .. file).code, 0, "the profile is kept")
  t.match(out, "lesson%.lua:%d+: lab%.OpenFiles under writeReceipt: share >= 0%.9, value = 2 per request\n")
end)

t.long("which part of a sentence fails", function()
  local dir = make_twin()
  edit(dir, "lesson.lua", 'under = "writeReceipt"', 'under = "writeReceipt", leaf = "getrandom"')
  refused(dir, "it doesn't hold with the fault: share 0.000, value 0 (0 to 0) per request; without leaf it holds " ..
    "(share 1.000, value 1 (1 to 1) per request)\n")
  dir = exercise.make("wait.lock", "receipts")
  edit(dir, "lesson.lua", 'profile = "block.delay"', 'profile = "wall", tag = { state = "chan receive" }')
  refused(dir, "; without tag it holds (", "), where the states are: ", "sync.RWMutex.RLock")
end)

-- The index is built when the step is entered, so it has no part in what the load
-- makes.
t.long("a sentence about entering", function()
  local dir = make_twin()
  for file, seconds in pairs { ["scenario.lua"] = "0.6", ["fixed.lua"] = "0.01" } do
    edit(dir, file, "return {\n", "local function buildIndex()\n  lab.spin(" .. seconds ..
      ")\nend\n\nreturn {\n  enter = function() buildIndex() end,\n")
  end
  edit(dir, "lesson.lua", "  expect = {\n", "  expect = {\n" ..
    '    { profile = "cpu", under = "buildIndex", during = "enter", value = ">= 5 x fixed" },\n')
  local result = prove(dir)
  t.equal(result.code, 0, result.out)
  edit(dir, "lesson.lua", 'during = "enter"', 'during = "load"')
  refused(dir, "cpu under buildIndex: value >= 5 x fixed", "it doesn't hold with the fault: value 0 x fixed")
end)

-- What is there only while a request is answered is nothing before the load, and
-- nothing after it.
t.long("a number is looked at while the load runs", function()
  local dir = make_twin()
  for _, file in ipairs { "scenario.lua", "fixed.lua" } do
    edit(dir, file, "local function writeReceipt",
      "local printing = lab.gauge(\"printing\")\nprinting:set(0)\n\nlocal function writeReceipt")
  end
  edit(dir, "scenario.lua", "    writeReceipt(req.id)\n",
    "    printing:set(1)\n    lab.sleep(0.04)\n    writeReceipt(req.id)\n    printing:set(0)\n")
  edit(dir, "lesson.lua", "  expect = {\n", "  expect = {\n" ..
    '    { metric = "printing", at = "load", value = ">= 0.3", about = "writeReceipt" },\n' ..
    '    { metric = "printing", value = "= 0", always = true },\n' ..
    '    { memstats = "HeapSys", at = "load", value = ">= 1MB", always = true },\n')
  local result = prove(dir)
  t.equal(result.code, 0, result.out)
  edit(dir, "lesson.lua", 'at = "load", value = ">= 0.3"', 'at = "load", value = ">= 0.3 per request"')
  refused(dir, "printing: value >= 0.3 per request", "it doesn't hold with the fault: value 0.0")
end)

t.long("what is sent before the load isn't counted", function()
  local dir = exercise.make("cpu.hot")
  for _, file in ipairs { "scenario.lua", "fixed.lua" } do
    local from = "  request = function(self)\n"
    edit(dir, file, from, from .. "    lab.counter('lists_total'):add()\n")
  end
  edit(dir, "lesson.lua", "load = { requests = 10 }", "load = { requests = 10, first = { requests = 5 } }")
  edit(dir, "lesson.lua", "keeps = { ", 'keeps = { { metric = "lists_total", value = "= 1 per request" }, ')
  local result = prove(dir)
  t.equal(result.code, 0, result.out)
end)

t.long("what a client alone sees is what others are compared with", function()
  local dir = exercise.make("wait.lock", "receipts")
  edit(dir, "lesson.lua", 'value = ">= 5 x fixed"', 'value = ">= 50 x alone"')
  local result = prove("--verbose", dir)
  t.equal(result.code, 0, result.out)
  t.match(result.out, "ok latency p50: value >= 50 x alone\n" ..
    " +fault: value [%d.e+]+ x alone %([^)]+%); repaired: value [%d.e+]+ x alone ")
  edit(dir, "lesson.lua", 'value = ">= 50 x alone"', 'value = "<= 3 x alone"')
  refused(dir, "latency p50: value <= 3 x alone", "it doesn't hold with the fault: value ", " x alone (")
end)

-- A clock begins with the first request, and ticks when nobody asks, too: 100 times a
-- second where the machine isn't busy.
t.long("a sentence about the pause after the load", function()
  local dir = make_twin()
  edit(dir, "scenario.lua", "local files = {}\n", "local files = {}\nlocal clock\n" ..
    "local function tick() lab.counter('ticks_total'):add(1) end\n")
  edit(dir, "scenario.lua", "    writeReceipt(req.id)\n",
    "    clock = clock or lab.every(0.01, function() tick() end)\n    writeReceipt(req.id)\n")
  edit(dir, "lesson.lua", "  expect = {\n", "  expect = {\n" ..
    '    { metric = "ticks_total", during = "idle", value = "10..150 per second", about = "writeReceipt" },\n' ..
    '    { profile = "lab.OpenFiles", under = "writeReceipt", during = "idle", value = "= 1 per request" },\n')
  local result = prove("--verbose", dir)
  t.equal(result.code, 0, result.out)
  t.match(result.out, "ok ticks_total %(idle%): value 10%.%.150 per second\n +fault: value %d+")
end)

t.long("a repaired program that isn't repaired", function()
  local dir = make_twin()
  t.write(dir .. "/fixed.lua", t.read(dir .. "/scenario.lua"))
  refused(dir, "it holds with the repaired program, too", "so it doesn't speak of the fault")
end)

t.long("a repaired program that doesn't do its work", function()
  local dir = make_twin()
  edit(dir, "fixed.lua", "    writeReceipt(req.id)\n", "    error('closed')\n")
  refused(dir, "status 2xx: share >= 0.99", "it doesn't hold with the repaired program: share 0.000" ..
    "; 50 of 50 requests were answered with 5xx: fixed.lua:11: closed\n")
end)

t.long("a program that fails, and a load that goes nowhere", function()
  local dir = make_twin()
  edit(dir, "scenario.lua", "    writeReceipt(req.id)\n", "    local price = nil + 1\n    writeReceipt(price)\n")
  local out = refused(dir, "nothing was seen: is the load (/) what reaches it?; 50 of 50 requests were answered " ..
    "with 5xx: scenario.lua:13: attempt to perform arithmetic on a nil value\n")
  t.check(not out:find("four times the clients", 1, true), "what fails with one client isn't tried with four")
  dir = make_twin()
  edit(dir, "lesson.lua", "clients = 1 }", 'clients = 1, path = "/{n}" }')
  refused(dir, "it doesn't hold with the fault: share 0.000; 50 of 50 requests were answered with 4xx\n")
end)

-- A program that begins a session of its own is known to no lab.
t.long("a step that leaves a process", function()
  local dir = make_twin()
  edit(dir, "scenario.lua", "local files = {}\n", 'local files = {}\nlocal printer\n')
  edit(dir, "scenario.lua", "    writeReceipt(req.id)\n",
    '    printer = printer or lab.spawn { "setsid", "sleep", "6123" }\n    writeReceipt(req.id)\n')
  local out = refused(dir, "processes are left: sleep (")
  t.equal(select(2, out:gsub("\n    ", "")), 1, "only that: " .. out)
  t.check(t.run("pgrep -f '^sleep 6123'").code ~= 0, "it is ended by the prover")
end)

-- Adds BODY as a function of the program that its first request calls.
local function add_work(dir, body)
  edit(dir, "scenario.lua", "local files = {}\n", "local files = {}\nlocal begun\n\nlocal function work()\n" .. body ..
    "end\n")
  edit(dir, "scenario.lua", "    writeReceipt(req.id)\n",
    "    if not begun then\n      begun = true\n      work()\n    end\n    writeReceipt(req.id)\n")
end

-- The lab knows its own files only.
t.long("a step whose child leaves a file", function()
  local dir = make_twin()
  add_work(dir, '  assert(lab.spawn { "sh", "-c", "mkdir $TMPDIR/spool && mktemp -p $TMPDIR/spool" }):wait()\n')
  local out = refused(dir, "temporary files are left: spool/tmp.")
  t.equal(select(2, out:gsub("\n    ", "")), 1, "only that: " .. out)
end)

-- The worker that fills the buffer ends with the step. What it has touched until then
-- goes back to the kernel page by page, and not within four seconds.
t.long("a step whose memory the process keeps", function()
  local dir = make_twin()
  add_work(dir, "  lab.go(function() lab.copy_n(lab.buffer(), lab.rand, 20000000000) end)\n")
  local out = refused(dir, "the process keeps ", " more than after the repaired program, beyond 10 %")
  t.equal(select(2, out:gsub("\n    ", "")), 1, "only that: " .. out)
end)

-- Nothing that a program does with the library keeps its tasks, timers, descriptors,
-- files or heap after the step: there is no folder that breaks these stages.
t.long("what the lab takes back, whatever a program does", function()
  local dir = make_twin()
  add_work(dir, [[
    lab.go(function() while true do pcall(lab.sleep, 1) end end)
    lab.go(function() while true do pcall(error, "again") end end)
    lab.go(function() lab.burn(30) end)
    lab.every(0.001, function() begun = { begun } end)
    lab.temp_file(nil, "spool-")
    local server = lab.listen("127.0.0.1:0", function() lab.sleep(100) end)
    lab.go(function() lab.http.get("http://" .. server:address() .. "/") end)
    lab.spawn { "sleep", "6124" }
    setmetatable({}, { __gc = function() lab.go(lab.sleep, 100) end })
]])
  edit(dir, "lesson.lua", '{ metric = "diaglab_step_open_fds", value = "= 1 per request", about = "writeReceipt" }',
    '{ metric = "diaglab_step_open_fds", value = "1..1.5 per request", about = "writeReceipt" }')
  local result = prove(dir)
  t.equal(result.code, 0, result.out)
end)

-- The visits of another sentence have no profile of open files.
t.test("a sentence whose load is that with four times the clients", function()
  local dir = make_twin()
  edit(dir, "lesson.lua", ', about = "writeReceipt"', "")
  edit(dir, "lesson.lua", "keeps = { ",
    'keeps = { { status = "2xx", share = ">= 0.99", load = { requests = 50, clients = 4 } }, ')
  local result = prove(dir)
  t.equal(result.code, 0, result.out)
end)

t.long("a load that doesn't reach the fault", function()
  local dir = make_twin()
  edit(dir, "scenario.lua", "    writeReceipt(req.id)\n", "    if req.id < 0 then writeReceipt(req.id) end\n")
  refused(dir, "nothing was seen: is the load (/) what reaches it?")
end)

t.long("an answer with another verdict, or another feedback", function()
  local dir = make_twin()
  t.write(dir .. "/answers/solved-too.lua", 'return { class = "leak.socket", where = "writeReceipt" }\n')
  edit(dir, "answers/wrong.lua", "where.entry", "where.victim")
  for name, more in pairs { ["solved-unit"] = 'number = "5sec"', ["invalid-second"] = 'where2 = "x"',
    ["solved-in-short"] = 'evidence = "lab.OpenFiles", captures = "lab.OpenFiles", ' ..
      'ruled_out = "cpu.hot:lab.OpenFiles"' } do
    t.write(("%s/answers/%s.lua"):format(dir, name),
      'return { class = "leak.file", where = "writeReceipt", ' .. more .. " }\n")
  end
  local out = refused(dir, "answers/solved-too.lua: it is partial (",
    "class.family: In leak.socket, the word leak is right",
    "answers/wrong.lua: its feedback is where.entry, not where.victim",
    "answers/solved-unit.lua: it is invalid (0 points, refused: number: '5sec' can't be read: write it like 5, 20ms")
  t.equal(select(2, out:gsub("\n    ", "")), 3, "only these: " .. out)
end)

-- With "none" among the right classes, any function is right.
t.long("junk that is taken for the solution", function()
  local dir = make_twin()
  edit(dir, "lesson.lua", 'class = "leak.file"', 'class = { "leak.file", "none" }')
  local out = refused(dir, "request, as none is taken for the solution")
  for line in out:gmatch("\n    ([^\n]+)") do t.match(line, " is taken for the solution$") end
end)

-- Of a load of one request one sample is 10 ms.
t.long("a sentence that a profile with one sample fulfils", function()
  local root = t.temp_dir()
  t.equal(t.run(t.command { t.diaglab, "new", "--dir", root, "list" }).code, 0)
  local dir = root .. "/50-list"
  edit(dir, "lesson.lua", "requests = 10", "requests = 1")
  edit(dir, "lesson.lua", 'share = ">= 0.8", value = ">= 5ms per request"', 'value = ">= 5ms per request"')
  local result = prove(dir)
  t.equal(result.code, 1, result.out)
  t.has(result.out, "\n    the right answer with a file that has one sample as cpu profile is taken for the solution\n")
  t.equal(select(2, result.out:gsub("\n    ", "")), 1, "only that: " .. result.out)
end)

t.test("a neighbour with the same answer", function()
  local dir = make_twin()
  t.run(("cp -r %s %s/51-orders"):format(dir, dir:match("^(.*)/")))
  local out = refused(dir, "the answer of 51-orders (leak.file in writeReceipt) is taken for the solution")
  t.equal(select(2, out:gsub("\n    ", "")), 1, "only that: " .. out)
end)

-- It is entered before the lab listens. The port isn't read in the log.
t.test("step 0 may say much, and also what a lab says", function()
  local dir = make_twin()
  local moved = dir:gsub("[^/]+$", "00-receipts")
  edit(dir, "scenario.lua", "return {\n", [[
return {
  enter = function()
    print "HTTP server started on 127.0.0.1:9"
    for i = 1, 300 do print(("x"):rep(40)) end
    error('no database: interrupted')
  end,
]])
  t.run(t.command { "mv", dir, moved })
  local result = prove(moved)
  t.equal(result.code, 1, result.out .. result.err)
  t.has(result.out, "/goto?step=0: 500")
  t.has(result.out, "no database: interrupted") -- that is no Ctrl-C
end)

t.test("what check refuses isn't run", function()
  local dir = make_twin()
  edit(dir, "lesson.lua", "minutes = 10", "minutes = 0")
  refused(dir, "minutes: must be a whole number from 1 to 1000 [type]")
end)

t.long("a program that can't be entered, or is never answered", function()
  local dir = make_twin()
  edit(dir, "scenario.lua", "return {\n", "return {\n  enter = function() error('no database') end,\n")
  refused(dir, "/goto?step=50: 500", "no database")
end)

t.long("too few samples are inconclusive, not wrong", function()
  local root = t.temp_dir()
  t.equal(t.run(t.command { t.diaglab, "new", "--dir", root, "list" }).code, 0)
  local dir = root .. "/50-list"
  edit(dir, "scenario.lua", "rows = { 20,", "rows = { 4,")
  edit(dir, "lesson.lua", "requests = 10", "requests = 50")
  edit(dir, "lesson.lua", '5ms per request" },', '1ms per request" },\n    { profile = "cpu", under = "checkDigit", ' ..
    'share = ">= 0.9", value = ">= 1us per request", load = { requests = 1 } },')
  local result = prove("--junit", root .. "/report.xml", dir)
  t.equal(result.code, 1, result.out)
  t.match(result.out, "50%-list +inconclusive")
  t.match(result.out, "with the fault: share [%d.]+ of %d+ samples, %d+ needed")
  t.match(t.read(root .. "/report.xml"), '<failure message="inconclusive">[^\n]*/lesson%.lua:%d+: cpu under [^\n]+: ' ..
    "with the fault: share [%d.]+ of %d+ samples, %d+ needed")
end)

-- The function with the most CPU time is the one to blame, and that is all there is.
t.long("naive solvers are told, and a difficulty that they belie is a warning", function()
  local root = t.temp_dir()
  t.equal(t.run(t.command { t.diaglab, "new", "--class", "cpu.hot", "--dir", root, "list" }).code, 0)
  local dir, junit = root .. "/50-list", root .. "/report.xml"
  local easy = prove("--junit", junit, dir)
  t.equal(easy.code, 0, easy.out)
  t.match(easy.out, "\n  naive solver +class +where +verdict\n  top self +cpu%.hot +%w+ +solved\n")
  t.match(easy.out, "\n  largest heap +memory%.retained +[%w-]+ +%w+\n")
  t.check(not easy.out:find("warning"), easy.out)
  t.has(t.read(junit), '<property name="50-list: naive solver: top self" value="solved"/>')
  edit(dir, "lesson.lua", "difficulty = 1", "difficulty = 3")
  local hard = prove(dir)
  t.equal(hard.code, 0, hard.out)
  t.match(hard.out, "\n    warning: difficulty 3, but a naive solver finds it: top self")
  local json = prove("--json", dir).out
  t.match(json, '"naive": %[{"class": "cpu%.hot", "name": "top self", "verdict": "solved", "where": "%w+"}, ')
  t.match(json, '"warnings": %["difficulty 3, but a naive solver finds it: top self')
end)

-- A folder with three exercises; the second is refused by check. Each has an answer
-- of its own.
local function make_three()
  local root = make_twin():match("^(.*)/")
  for _, n in ipairs { 51, 52 } do
    t.run(("cd %s && cp -r 50-receipts %d-receipts && grep -rl writeReceipt %d-receipts | xargs sed -i "
      .. "s/writeReceipt/writeReceipt%d/g"):format(root, n, n, n))
  end
  edit(root .. "/51-receipts", "lesson.lua", "minutes = 10", "minutes = 0")
  return root
end

t.test("side by side: the same reports, in order", function()
  local result = prove("--jobs", "3", "--verbose", make_three())
  t.equal(result.code, 1, result.out)
  t.match(result.out, "^50%-receipts +proven .*\n51%-receipts +not proven .*\n52%-receipts +proven .*\nexercise ")
  t.has(result.out, "lesson.lua:6: minutes: must be a whole number from 1 to 1000 [type]")
  local _, n = result.out:gsub("ok lab%.OpenFiles under writeReceipt%d*: [^\n]+\n +fault: share ", "")
  t.equal(n, 2, "sentences of two exercises")
  t.has(result.out, "3 exercises: 2 proven, 1 not proven, 0 inconclusive, in ")
  for line in result.err:gmatch("[^\n]*\n") do t.match(line, "^5[02]%-receipts: [%a ]+  %d+ s[%w ]*\n$") end
  for _, name in ipairs { "50-receipts", "52-receipts" } do t.has(result.err, name .. ": sentences  ") end
  t.equal(select(2, result.err:gsub(": sentences ", "")), 2, "one line for each stage")
end)

-- The processes that PID has begun, and those that these have begun.
local function descendants(pid)
  local all = {}
  for child in t.run("pgrep -P " .. pid).out:gmatch("%d+") do
    all[#all + 1] = child
    table.move(descendants(child), 1, 1000, #all + 1, all)
  end
  return all
end

local function interrupt(dir, wanted, jobs)
  local temp = t.temp_dir()
  local run = t.spawn(t.command { "env", "TMPDIR=" .. temp, t.diaglab, "test", "--jobs", jobs, dir })
  t.eventually(function() -- the process that reads the steps is there before the folder
    return #descendants(run.pid) >= wanted and t.run("ls " .. temp).out:find "diaglab%-kit"
  end)
  local children = descendants(run.pid)
  t.run("kill -INT " .. run.pid)
  t.equal(run:wait(60), 130, "exit code")
  t.has(run:err(), "interrupted")
  t.equal(t.run("ls " .. temp).out, "", "temporary folders")
  for _, pid in ipairs(children) do -- who has begun it may not have taken note yet
    t.eventually(function() return t.run("kill -0 " .. pid).code ~= 0 end)
  end
end

t.test("Ctrl-C leaves nothing behind", function()
  interrupt(make_twin(), 1, "1")
  interrupt(make_three(), 4, "2")
end)

t.test("a prover that is killed takes its labs with it", function()
  local dir = make_twin()
  local run = t.spawn(t.command { t.diaglab, "test", dir })
  local children
  t.eventually(function()
    children = t.run("pgrep -P " .. run.pid).out
    return children ~= ""
  end)
  t.run("kill -KILL " .. run.pid)
  t.eventually(function()
    for pid in children:gmatch("%d+") do
      if t.run("kill -0 " .. pid).code == 0 then return false end
    end
    return true
  end)
end)

-- Nobody can catch KILL. The folder that is left is another run's to remove, if it is
-- old enough and nobody has it.
t.test("what a killed prover has left is removed by the next one", function()
  local dir, temp = make_twin(), t.temp_dir()
  local function folders() return t.run("ls " .. temp).out end
  local run = t.spawn(t.command { "env", "TMPDIR=" .. temp, t.diaglab, "test", dir })
  t.eventually(function() return t.run("pgrep -P " .. run.pid).out ~= "" and folders() ~= "" end)
  local left = t.match(folders(), "^(diaglab%-kit%-%w+)\n$")
  local function grow_old() t.run(("touch -c -d '5 minutes ago' %s/%s"):format(temp, left)) end
  local wrong, more = make_twin(), exercise.make("leak.file", "bills")
  for _, one in ipairs { wrong, more } do edit(one, "lesson.lua", 'class = "leak.file"', 'class = "leak.fil"') end
  local function look() -- a run that has a folder of its own, and proves nothing
    local other = t.run(t.command { "env", "TMPDIR=" .. temp, t.diaglab, "test", "--jobs", "2", wrong, more })
    t.equal(other.code, 1, other.err)
  end
  run:signal("STOP")
  grow_old()
  look()
  t.has(folders(), left, "that of a process which lives")
  run:signal("KILL")
  run:signal("CONT")
  t.eventually(function() return not run:alive() end)
  t.eventually(function() -- its labs may have the folder for a moment longer, and write to it
    grow_old()
    look()
    return folders() == ""
  end)
end)

local function prove_shipped(name)
  local result = prove(t.source .. "/scenarios/" .. name)
  t.equal(result.code, 0, result.out)
end

t.test("step 6 is proven", function() prove_shipped "06-receipts" end)
t.long("step 5 is proven", function() prove_shipped "05-workers" end)
for _, name in ipairs { "00-baseline", "01-counter", "02-quote", "03-archive", "04-export" } do
  t.long(name .. " is proven", function() prove_shipped(name) end)
end
for class in t.run(t.command { t.diaglab, "new", "--list" }).out:gmatch("(%S+) [^\n]+\n") do
  t.long("what new writes for " .. class .. " is proven", function()
    local root = t.temp_dir()
    t.equal(t.run(t.command { t.diaglab, "new", "--class", class, "--dir", root, "try" }).code, 0)
    local result = prove(root)
    t.equal(result.code, 0, result.out)
  end)
end

t.finish()
