-- SPDX-License-Identifier: MIT
-- diaglab check: for each rule a folder that breaks it, and nothing else, is
-- refused for that reason, with the file and the line; the good twin passes.
local t = require "harness"
local exercise = require "exercise"
local edit = exercise.edit

local function check(...)
  return t.run(t.command { t.diaglab, "check", ... })
end

local function make_twin(class, slug)
  return exercise.make(class or "wait.lock", slug)
end

local FDS = '    { metric = "diaglab_step_open_fds", value = "= 1 per request", '

-- { rule, file, what is replaced, by what, part of the message [, severity] }; with
-- nothing to replace, the file is written. class: of the twin. moved: what its folder
-- is called afterwards.
local BROKEN = {
  { "scenario", "scenario.lua", "return {", "return { titel = 1,", "unknown key 'titel'; did you mean 'title'?" },
  { "scenario", "scenario.lua", "local list = {}", "local list = {", "unexpected symbol near 'local'" },
  { "data", "lesson.lua", "difficulty = 2", "difficulty = tonumber '2'", "global 'tonumber'" },
  { "data", "lesson.lua", '{ status = "2xx", share = ">= 0.99" }', '{ "all is well", function(seen) return seen end }',
    "there is a function in the table: a lesson is data; what no table can say, the program counts (lab.gauge)" },
  { "data", "scenario.lua", "return {\n", "return {\n  tags = { function() end },\n",
    "tags[1]: is a function: a lesson is data; what no table can say, the program counts (lab.gauge)" },
  { "key", "lesson.lua", "difficulty = 2", "diffculty = 2, difficulty = 2", "did you mean 'difficulty'?" },
  { "key", "lesson.lua", 'under = "importPrices"', 'under = "importPrices", ower = 1',
    "unknown key of a sentence 'ower'" },
  { "type", "lesson.lua", "minutes = 15", 'minutes = "15"', "must be a whole number from 1 to 1000" },
  { "claim", "lesson.lua", 'share = ">= 0.5"', 'share = "=> 0.5"', "unknown comparison '=>'" },
  { "claim", "lesson.lua", 'share = ">= 0.5"', 'share = ">= 50"', "is above 1" },
  { "claim", "lesson.lua", '">= 0.3s per second" },\n    { profile = "block',
    '">= 0.3 per second" },\n    { profile = "block', "needs a unit, as in 10ms" },
  { "claim", "lesson.lua", '">= 0.3s per second" },\n    { profile = "block',
    '">= 3MB per second" },\n    { profile = "block', "is a number of bytes, but the sentence is about seconds" },
  { "claim", "lesson.lua", 'victims = "readPrice"', 'victims = "readPrice", number = { 20, "sec", "how long?" }',
    "diagnosis.number[2]: unknown unit 'sec'; known are: B kB MB" },
  { "sentence", "lesson.lua", '{ status = "2xx", share', '{ status = "2xx", latency = "p50", share', "is about" },
  { "sentence", "lesson.lua", '{ status = "2xx", share = ">= 0.99" }', '{ status = "2xx" }', "claims nothing" },
  { "sentence", "lesson.lua", '{ latency = "p50", value', '{ latency = "p50", during = "enter", value',
    'nothing is asked for then: a latency can\'t be during = "enter"' },
  { "sentence", "lesson.lua", '{ profile = "block', '{ during = "left", profile = "block',
    "a step that was left is in no profile" },
  { "sentence", "lesson.lua", '{ profile = "block', '{ during = "idle", at = "load", profile = "block',
    "the load runs at another time" },
  { "sentence", "lesson.lua", '{ profile = "block', '{ at = "load", profile = "block',
    "of all the time that the load takes, and not of a moment: no at = \"load\"" },
  { "sentence", "lesson.lua", '{ profile = "mutex', '{ at = "end", profile = "mutex', 'no at = "end"' },
  { "sentence", "lesson.lua", '{ status = "2xx", share', '{ status = "2xx", at = "end", share', 'no at = "end"' },
  { "sentence", "lesson.lua", '{ status = "2xx", share = ">= 0.99" }',
    '{ cpu_time = true, at = "load", value = ">= 0s per request" }', 'no at = "load"' },
  { "entering", "lesson.lua", '{ status = "2xx", share = ">= 0.99" }',
    '{ cpu_time = true, during = "enter", value = ">= 0.1s per second" }', "depends on the machine", "warning" },
  { "sentence", "lesson.lua", '{ status = "2xx", share = ">= 0.99" }',
    '{ metric = "go_threads", during = "enter", value = ">= 0 per request" }', "the load runs later" },
  { "profile", "lesson.lua", '"mutex.delay"', '"mutex.dellay"', "did you mean 'mutex.delay'?" },
  { "profile", "lesson.lua", '"mutex.delay"', '"mutex"', "say which, like 'mutex.delay'" },
  { "metric", "lesson.lua", '{ status = "2xx", share = ">= 0.99" }', '{ metric = "2xx", value = "> 1" }',
    "must be a name of /metrics" },
  { "class", "lesson.lua", '"wait.lock"', '"wait.lok"', "unknown class 'wait.lok'; did you mean 'wait.lock'?" },
  { "type", "lesson.lua", '"wait.lock"', '{ 5, "wait.lock" }', "diagnosis.class[1]: must be a string, not a number" },
  { "class", "lesson.lua", '"wait.lock"', '{ "wait.lok", "wait.lock" }', "class[1]: unknown class 'wait.lok'" },
  { "load", "lesson.lua", "load = { requests = 60,", "load = { requests = 60, seconds = 2,", "not both" },
  { "type", "lesson.lua", "load = { requests = 60,", "load = { requests = 60, rate = 1e7,", "at most 1000000" },
  { "data", "lesson.lua", "return {", "local s = 'x' for i = 1, 22 do s = s .. s end\n" ..
    "local t for i = 1, 300000 do t = s .. 'y' end\nreturn {", "it doesn't come to an end" },
  { "missing", "lesson.lua", '  fixed = "fixed.lua",\n', "", "fixed is missing" },
  { "missing", "lesson.lua", "  minutes = 15,\n", "", "minutes is missing" },
  { "twice", "scenario.lua", "return {\n", 'return {\n  title = "Prices",\n', "title stands in lesson.lua, too" },
  { "fixed", "lesson.lua", '"fixed.lua"', '"repaired.lua"', "there is no file repaired.lua" },
  { "fixed", "lesson.lua", 'keeps = { ',
    'keeps = { { profile = "mutex.delay", line = "scenario.lua:7", value = ">= 0s per second" }, ',
    "keeps[1].line: a repaired program has other lines" },
  { "fixed", "lesson.lua", 'share = ">= 0.5", value = ">= 0.3s per second"',
    'line = "scenario.lua:5", value = ">= 5 x fixed"', "expect[3].line: a repaired program has other lines" },
  { "fixed", "lesson.lua", 'share = ">= 0.9", value = "= 1 per request" },\n' .. FDS .. 'about = "writeReceipt"',
    'line = "scenario.lua:4", value = "= 1 per request" },\n' .. FDS .. "always = true",
    "each sentence that only the fault makes true is about a line", class = "leak.file" },
  { "fixed", "lesson.lua", 'share = ">= 0.9", value', 'line = "scenario.lua:4", value', "", "none",
    class = "leak.file" },
  { "fixed", "lesson.lua", '"fixed.lua"', "{ second = 0.1 }", "no such parameter; did you mean 'seconds'?" },
  { "params", "lesson.lua", "  fixed =", '  params = { seconds = "long" },\n  fixed =', "the parameter is a number" },
  { "params", "scenario.lua", '"until the supplier answers"', '" "', "params.seconds has no meaning" },
  { "path", "lesson.lua", 'beside = { path = "/import" } },\n  fixed', 'beside = { path = "/imports" } },\n  fixed',
    "no route /imports; did you mean '/import'?" },
  { "name", "lesson.lua", 'profile = "mutex.delay", under = "importPrices"',
    'profile = "mutex.delay", about = "importPrices", under = "importPrises"', "did you mean 'importPrices'?" },
  { "name", "lesson.lua", 'under = "readPrice"', 'under = "readPrice", absent = "importPrises"',
    "expect[3].absent: the program has no function 'importPrises'" },
  { "name", "lesson.lua", 'under = "readPrice"', 'under = "readPrice", leaf = "prices.readPrize"',
    "expect[3].leaf: the program has no function 'readPrize'" },
  { "name", "lesson.lua", 'under = "readPrice"', 'under = "readPrice", leaf = "getrandom"', "", "none" },
  { "name", "lesson.lua", 'victims = "readPrice"', 'victims = "importPrices"', "importPrices is to blame, too" },
  { "evidence", "lesson.lua", 'value = ">= 0.3s per second" },\n    { profile = "block',
    'value = ">= 0.3s per second", always = true },\n    { profile = "block', "no sentence is about importPrices" },
  { "machine", "lesson.lua", 'value = ">= 0.3s per second" },\n    { profile = "block',
    'value = ">= 0.3s" },\n    { profile = "block', "plain seconds say something about a machine" },
  { "machine", "lesson.lua", '">= 5 x fixed"', '">= 5ms"', "a machine: say x fixed, x baseline, x alone or x p50" },
  { "claim", "lesson.lua", '">= 5 x fixed"', '">= 5ms per request"', "a latency is that of one request already" },
  { "claim", "lesson.lua", '">= 5 x fixed"', '">= 5 per second x p50"', "a latency is that of one request already" },
  { "machine", "lesson.lua", '{ latency = "p50", value', '{ latency = "p99", value', "p99 varies by itself" },
  { "machine", "lesson.lua", '{ status = "2xx", share = ">= 0.99" }', '{ latency = "p99", value = "<= 20 x fixed" }',
    "", "none" }, -- an upper bound
  { "load", "lesson.lua", '">= 5 x fixed", load = { requests = 30, clients = 1, beside = { path = "/import" } }',
    '">= 5 x alone", load = { requests = 30 }', "it is alone already" },
  { "claim", "lesson.lua", 'value = ">= 0.3s per second" },\n    { profile = "block',
    'value = ">= 2 x alone" },\n    { profile = "block', "only latencies can be compared with alone" },
  { "spoiler", "lesson.lua", 'title = "Reading prices stalls"', 'title = "Contention while reading"', "'contention'" },
  { "spoiler", "lesson.lua", "Each kind of trouble", "Each deadlock", "", "none" }, -- the last hint may say it
  { "spoiler", "README.md", "Find out", "A mutex: find out", "the task card names the fault: 'mutex'" },
  { "spoiler", "README.md", "Find out", "Slow (a deadlock): find out", "the task card names the fault: 'deadlock'" },
  { "spoiler", "README.md", "Find out", "[This](../51-deadlock/x.lua) may help: find out", "", "none" },
  { "spoiler", "lesson.lua", 'readers wait, and', 'readers wait for importPrices, and',
    "the symptom names the fault: 'importPrices'" },
  { "spoiler", "scenario.lua", "local function readPrice",
    "local function waitDeadlock() end\nlocal function readPrice", "the function waitDeadlock names the fault" },
  { "share_alone", "lesson.lua", 'share = ">= 0.5", value = ">= 0.3s per second"', 'share = ">= 0.5"',
    "a share alone", "warning" },
  { "hint_length", "lesson.lua", "Each kind of trouble has its own profile; ", ("word "):rep(160), "words", "warning" },
  { "hint_question", "lesson.lua", "not what a healthy program would show?", "not healthy.",
    "doesn't end with a question", "warning" },
  { "global", "scenario.lua", "  prices:rlock()", "  lists = {}\n  prices:rlock()", "there is no global 'lists'" },
  { "scenario", "scenario.lua", "local list = {}", "list = {}", "assignment to global 'list' (use local)" },
  { "global", "scenario.lua", 'return price .. "\\n"', "return price .. sufix", "there is no global 'sufix'" },
  { "global", "scenario.lua", 'return price .. "\\n"', "return req.note or typo, price", "there is no global 'typo'" },
  { "tail_call", "scenario.lua", "local price = readPrice(req.id)\n    return price .. \"\\n\"",
    "return readPrice(req.id)", "is a tail call", "warning" },
  { "limits", "scenario.lua", "  limits = { fds = 300 },\n", "", "needs limits = { fds = 500 }", "warning",
    class = "leak.file" },
  { "limits", "scenario.lua", '  limits = { memory = "500MB" },\n', "", 'needs limits = { memory = "1GiB" }', "warning",
    class = "memory.retained" },
  { "answers", "answers/right.lua", false, "return {}",
    "its name begins with solved, partial, wrong or invalid" },
  { "answers", "answers/solved.json", false, "{}", "and ends with .lua" },
  { "answers", "answers/invalid.lua", "{ class", "{ clas = 1, class", "'clas'; did you mean 'class'?" },
  { "answers", "answers/solved.lua", "evidence = {", "evidence = { 1,",
    "evidence[1]: must be a string, not a number" },
  { "answers", "answers/solved.lua", "{ class", "{ captures = 5, class", "captures: must be a list of names" },
  { "answers", "answers/solved.lua", "return {", "return", "near '='" },
  { "hint_concrete", "lesson.lua", "`go tool pprof -top http://localhost:6060/debug/pprof/mutex`", "the tool",
    "the last one, has no command in `backquotes`", "warning" },
  { "tag", "lesson.lua", '{ profile = "mutex', '{ profile = "goroutine", tag = { state = "chan receive" }, ' ..
    'under = "readPrice", always = true, value = "> 0" },\n    { profile = "mutex',
    "no sample of a goroutine profile has the label 'state'; possible are: route, step; only wall profiles have it" },
  { "tag", "lesson.lua", '{ profile = "mutex', '{ profile = "wall", tag = { state = "chan recieve" }, ' ..
    'under = "readPrice", always = true, value = "> 0s per request" },\n    { profile = "mutex',
    "did you mean 'chan receive'?" },
  { "tag", "lesson.lua", '{ profile = "mutex', '{ profile = "wall", tag = { route = "/imports" }, ' ..
    'under = "readPrice", always = true, value = "> 0s per request" },\n    { profile = "mutex',
    "no sample has route = '/imports'; did you mean '/import'?; possible are: /, /import" },
  { "tag", "lesson.lua", '{ profile = "mutex', '{ profile = "cpu", tag = { customer = "7" }, ' ..
    'under = "readPrice", always = true, value = "> 0s per request" },\n    { profile = "mutex',
    "no sample of a cpu profile has the label 'customer'" },
  { "symptom", "lesson.lua", '{ latency = "p50", value = ">= 5 x fixed", ',
    '{ profile = "goroutine", value = ">= 0", always = true, ',
    "no sentence measures the symptom: latency, status, cpu_time" },
  { "long_load", "lesson.lua", "expect = {", 'expect = {\n    { status = "none", share = "> 0" },',
    "load: requests that are not answered make it take", "warning", class = "leak.file" },
  { "folder", "notes.txt", false, "", "a folder is called NN-slug", moved = "50_prices" },
}

t.test("each rule has a folder that breaks it", function()
  local tried = {}
  for _, broken in ipairs(BROKEN) do tried[broken[1]] = true end
  local rules = 0
  for line in t.run(t.command { t.diaglab, "check", "--rules" }).out:gmatch("[^\n]+") do
    local rule = t.match(line, "^(%S+) +%a+ +%a")
    t.check(tried[rule], "a folder that breaks " .. rule)
    rules = rules + 1
  end
  t.check(rules > 25, "rules")
end)

local function make_broken(broken)
  local _, file, from, to = table.unpack(broken)
  local dir = make_twin(broken.class)
  if from then edit(dir, file, from, to) else t.write(dir .. "/" .. file, to) end
  if not broken.moved then return dir end
  local moved = dir:gsub("[^/]+$", broken.moved)
  t.run(t.command { "mv", dir, moved })
  return moved
end

t.test("each rule refuses what breaks it, and nothing else", function()
  for _, broken in ipairs(BROKEN) do
    local rule, _, from, to, message, severity = table.unpack(broken)
    local dir = make_broken(broken)
    local what = ("%s, %s for %s"):format(rule, to, from)
    local result = check(dir)
    if severity == "none" then
      t.equal(result.code, 0, what .. ": " .. result.out)
    else
      local found = {}
      for line in result.out:gmatch("[^\n]+: [ew]%a+: [^\n]+%[[%w_]+%]") do found[#found + 1] = line end
      t.equal(#found, 1, ("%s: findings in %s"):format(what, result.out))
      t.has(found[1], ("%s: "):format(severity or "error"), what)
      t.has(found[1], "[" .. rule .. "]", what)
      t.has(found[1], message, what)
      t.match(found[1], "^" .. (dir .. "/"):gsub("%p", "%%%0") .. "[%w./]+:%d+: ")
      t.equal(result.code, severity == "warning" and 0 or 1, what)
      if severity then t.equal(check("--strict", dir).code, 1, what) end -- else it's 1 anyway
    end
  end
end)

-- What a file says, a terminal must not obey.
t.test("what is quoted is plain", function()
  local dir = make_twin()
  edit(dir, "lesson.lua", "difficulty = 2", '["\27[2J\xff"] = 1, difficulty = 2')
  local result = check(dir)
  t.has(result.out, "unknown key of a lesson '\\x1b[2J\\xff'")
  t.check(not result.out:find("[\27\xff]"))
  result = check("--json", dir)
  t.has(result.out, "\\u001b[2J\u{fffd}")
end)

-- Texts on which a pattern, or a search, would work for minutes.
t.test("long texts are read at once", function()
  local dir = make_twin()
  local root = dir:match("^(.*)/")
  t.write(dir .. "/README.md", ("("):rep(1000000))
  edit(dir, "scenario.lua", "return {", "--[[ lab.include" .. (" "):rep(300000) .. " ]]\nreturn {")
  t.run(("mkdir %s/51-deep %s/52-blocks %s/53-returns"):format(root, root, root))
  t.write(root .. "/51-deep/scenario.lua", "return " .. ("{"):rep(300000))
  t.write(root .. "/52-blocks/scenario.lua", "return { request = function() end }")
  t.write(root .. "/52-blocks/lesson.lua", "do " .. ("return {"):rep(100000))
  local within = "x"
  for _ = 1, 40 do within = "x .. f(function() return " .. within .. " end)" end
  t.write(root .. "/53-returns/scenario.lua", "local x, f\nlocal function g() return " .. within ..
    " .. y end\nreturn { request = g }")
  local result = t.run(t.command { "sh", "-c", 'ulimit -t 60; exec "$@"', "sh", t.diaglab, "check", root })
  t.equal(result.code, 1, result.out)
  t.check(not result.out:find("50-prices", 1, true), result.out)
  t.has(result.out, "/51-deep/scenario.lua:1: error: ")
  t.has(result.out, "/52-blocks/lesson.lua:1: error: ")
  t.has(result.out, "/53-returns/scenario.lua:2: error: there is no global 'y'")
end)

t.test("the good twins pass, of every class", function()
  local root = t.temp_dir()
  local classes = {}
  for class in t.run(t.command { t.diaglab, "new", "--list" }).out:gmatch("[^\n]+") do
    class = class:match("^%S+")
    classes[#classes + 1] = class
    t.equal(t.run(t.command { t.diaglab, "new", "--class", class, "--dir", root, "try" }).code, 0)
  end
  t.check(#classes >= 8, "templates")
  local result = check("--strict", root)
  t.equal(result.out, ("%d scenarios: 0 errors, 0 warnings\n"):format(#classes))
  t.equal(result.code, 0)
end)

t.test("a file of a folder stands for it", function()
  local dir = make_twin()
  for _, file in ipairs { "scenario.lua", "lesson.lua" } do
    t.equal(check(dir .. "/" .. file).out, "1 scenario: 0 errors, 0 warnings\n")
  end
  t.has(check(dir .. "/answers/solved.lua").err, "Not a directory")
end)

t.test("the present folder is called as it is", function()
  local dir = make_twin()
  local function run_in(folder, ...) return t.run(("cd %s && %s"):format(folder, t.command { t.diaglab, ... })) end
  local words = { {}, { "." }, { "./" }, { "lesson.lua" }, { "answers/.." }, { "../50-prices//" } }
  for _, paths in ipairs(words) do
    t.equal(run_in(dir, "check", table.unpack(paths)).out, "1 scenario: 0 errors, 0 warnings\n", paths[1])
  end
  t.equal(run_in(dir .. "/answers", "check", "..").code, 0)
  t.run(("mkdir %s/../links && ln -s ../50-prices %s/../links/51-rates"):format(dir, dir))
  t.equal(check(dir .. "/../links/51-rates").code, 0, "a link")
  edit(dir, "scenario.lua", "return {", "return }{")
  t.match(run_in(dir, "test", ".").out, "^50%-prices +not proven")
  local mine = make_twin()
  t.write(mine .. "/scenario.lua", "return }{")
  edit(dir, "scenario.lua", "return }{", "return {")
  t.match(run_in(mine, "repair", "--scenarios", dir:match("^(.*)/"), "--state", "none", "--check", ".").out,
    "^50%-prices: broken ")
end)

t.test("a function to blame is named by no ticket, however it is written", function()
  local dir = make_twin()
  t.run("sed -i s/importPrices/import_prices/g " .. dir .. "/*.lua")
  t.equal(check(dir).code, 0)
  edit(dir, "lesson.lua", "readers wait, and", "readers wait while import_prices runs, and")
  t.has(check(dir).out, "the symptom names the fault: 'import_prices' [spoiler]")
end)

t.test("the globals that a program has are known", function()
  local dir = make_twin()
  for _, name in ipairs { "load", "xpcall", "rawset", "rawlen", "utf8", "print" } do
    edit(dir, "scenario.lua", "local list = {}", ("local %sAsIs = %s\nlocal list = {}"):format(name, name))
  end
  edit(dir, "scenario.lua", "local list = {}", "local list = assert(load 'return {}')()")
  t.equal(check(dir).out, "1 scenario: 0 errors, 0 warnings\n")
end)

-- The example of the document is one that check accepts, where the document says so.
t.test("labels that samples can have", function()
  local example = t.match(t.read(t.source .. "/docs/authoring.md"), "| `tag` | [^|]*such as `({[^`]*})`%. Only `wall`")
  local function with(sentence)
    local dir = make_twin()
    edit(dir, "lesson.lua", '{ profile = "mutex', sentence .. ',\n    { profile = "mutex')
    return check("--strict", dir), dir
  end
  local function sentence(profile, tag)
    return ('{ profile = "%s", tag = %s, under = "readPrice", always = true, value = "> 0 per request" }')
      :format(profile, tag)
  end
  t.equal(with((sentence("wall", example):gsub("> 0 per", "> 0s per"))).code, 0, "wall")
  t.equal(with(sentence("goroutine", example)).code, 1, "goroutine")
  for profile, tag in pairs { goroutine = '{ step = "prices" }', ["lab.OpenFiles"] = '{ route = "/" }' } do
    t.equal(with(sentence(profile, tag)).code, 0, profile)
  end
  t.equal(with(sentence("threadcreate", '{ step = "prices" }')).code, 1, "threadcreate")
  local refused, dir = with(sentence("goroutine", '{ customer = "7" }'))
  t.equal(refused.code, 1, "a label that nobody sets")
  edit(dir, "scenario.lua", "local list = {}", 'local list = {}\nlab.label("customer", "7", print)')
  t.equal(check("--strict", dir).code, 0, "one that the program sets")
end)

-- The states that check knows are those that the lab has.
t.test("states of tasks", function()
  local dir = make_twin()
  edit(dir, "lesson.lua", '{ profile = "mutex', '{ profile = "wall", tag = { state = "?" }, under = "readPrice", ' ..
    'always = true, value = "> 0s per request" },\n    { profile = "mutex')
  local known = ", " .. t.match(check(dir).out, "state = '%?'[^\n]*; possible are: ([^\n]*) %[tag%]") .. ", "
  local lab = t.start()
  local n = 0
  for state in lab:get("/metrics").body:gmatch('\ndiaglab_tasks{state="([^"]*)"}') do
    t.has(known, ", " .. state .. ", ")
    n = n + 1
  end
  t.equal(select(2, known:gsub(", ", "")) - 1, n)
  t.equal(lab:stop(), 0)
end)

t.test("the line is that of the mistake", function()
  local dir = make_twin()
  local line = edit(dir, "lesson.lua", "minutes = 15", "minutes = 0")
  t.has(check(dir).out, ("lesson.lua:%d: error: minutes"):format(line))
  dir = make_twin()
  line = edit(dir, "lesson.lua", 'under = "readPrice"', 'under = "readPrize"')
  t.has(check(dir).out, ("lesson.lua:%d: error: expect[3].under"):format(line))
end)

t.test("a sentence is allowed by a comment with a reason", function()
  local dir = make_twin()
  edit(dir, "lesson.lua", '  title = "Reading prices stalls"',
    '  -- check: allow(spoiler) the ticket is wrong\n  title = "Contention while reading"')
  t.equal(check(dir).code, 0)
  dir = make_twin()
  edit(dir, "lesson.lua", '  title = "Reading prices stalls"',
    '  -- check: allow(spoiler)\n  title = "Contention while reading"')
  t.equal(check(dir).code, 1, "without a reason")
end)

t.test("folders that no lab finds are listed with the reason", function()
  local dir = make_twin()
  local root = dir:match("^(.*)/")
  for _, name in ipairs { "121_wrong", "120-", "12345-big", "50-again" } do
    t.run(("cp -r %s %s/%s"):format(dir, root, name))
  end
  t.run(("mkdir %s/60-empty"):format(root))
  local out = check(root).out
  for _, name in ipairs { "121_wrong", "120-", "12345-big" } do
    t.match(out, name:gsub("%p", "%%%0") .. "/scenario.lua:1: error: a folder is called NN%-slug")
  end
  t.match(out, "50%-again/scenario.lua:1: error: number 50 is also " .. dir:gsub("%p", "%%%0") .. " %[folder%]")
  t.match(out, "60%-empty:1: error: it has no scenario.lua: no lab finds it %[folder%]")
  local list = t.run(t.command { t.diaglab, "--list", "--scenarios", root })
  t.equal(list.code, 1, "--list beside broken ones")
end)

t.test("a folder that is named twice is no clash, one beside it that isn't named is", function()
  local dir = make_twin()
  local root = dir:match("^(.*)/")
  t.run(("mkdir %s/60-empty"):format(root))
  local words = { dir .. "/scenario.lua", dir .. "/lesson.lua", root, root .. "/../" .. root:match("[^/]+$"), dir }
  t.match(check(table.unpack(words)).out, "^[^\n]*/60%-empty:1: [^\n]*\n1 scenario: 1 error, 0 warnings\n$")
  t.run(("cp -r %s %s/050-again"):format(dir, root))
  local found = ("scenario.lua:1: error: number 50 is also %s/050-again [folder]\n"):format(root)
  t.has(check(dir).out, found)
  t.has(t.run(t.command { t.diaglab, "test", dir }).out, "number 50 is also")
  t.run(("rm %s/050-again/scenario.lua"):format(root))
  t.equal(check(dir).code, 0, "it is no scenario")
end)

t.test("100 folders are checked in seconds of CPU time", function()
  local dir = make_twin()
  local root = dir:match("^(.*)/")
  t.run(("cd %s && for i in $(seq 100 198); do cp -r %s $i-prices; done"):format(root, dir))
  local timed = t.run(("bash -c 'time %s check %s'"):format(t.quote(t.diaglab), t.quote(root)))
  t.has(timed.out, "100 scenarios: 0 errors")
  local user, sys = t.match(timed.err, "user%s+0m([%d.]+)s%s+sys%s+0m([%d.]+)s")
  if not t.is_sanitized() then t.check(tonumber(user) + tonumber(sys) < 5, "CPU seconds: " .. user .. " + " .. sys) end
end)

t.test("JSON has the same findings", function()
  local dir = make_twin()
  edit(dir, "lesson.lua", "minutes = 15", "minutes = 0")
  local result = check("--json", dir)
  t.equal(result.code, 1)
  t.equal(check("--strict", dir).code, 1)
  t.match(result.out, '^{"errors": 1, "findings": %[{"file": "[^"]+lesson.lua", "line": %d+, "rule": "type", ')
end)

t.test("wrong command lines are told, with exit code 2", function()
  local function refused(message, ...)
    local result = t.run(t.command { t.diaglab, ... })
    t.equal(result.code, 2, message)
    t.has(result.err, message)
    t.has(result.err, "--help")
    t.equal(result.out, "")
  end
  refused("unknown option --jsn; did you mean '--json'?", "check", "--jsn")
  refused("--json takes no value", "check", "--json=yes")
  refused("No such file or directory", "check", "/no-such-folder")
  refused("SLUG is missing", "new")
  refused("is no slug", "new", "a b")
  refused("there is no class 'wait.lok'; did you mean 'wait.lock'?", "new", "--class", "wait.lok", "x")
  refused("there is no template for net.nagle", "new", "--class", "net.nagle", "x")
  refused("--runs: 'x' is not a whole number", "test", "--runs", "x")
  refused("--dir needs a value", "new", "--dir")
  for _, verb in ipairs { "check", "test", "new", "classes" } do
    local help = t.run(t.command { t.diaglab, verb, "--help" })
    t.equal(help.code, 0)
    t.match(help.out, "^Usage: diaglab " .. verb)
  end
end)

t.test("new makes the folder for exercises", function()
  local root = t.temp_dir() .. "/my/exercises"
  local made = t.run(t.command { t.diaglab, "new", "--dir", root .. "/", "prices" })
  t.equal(made.code, 0, made.err)
  t.has(made.out, "wrote " .. root .. "/50-prices\n")
  made = t.run(t.command { t.diaglab, "new", "--json", "--dir", root, "--class", "leak.file", "prices" })
  t.match(made.out, '^{"class": "leak.file", "files": %["scenario.lua", .*%], "folder": "[^"]+/51%-prices", "num')
  t.write(root .. "/file", "")
  made = t.run(t.command { t.diaglab, "new", "--dir", root .. "/file/x", "prices" })
  t.equal(made.code, 2)
  t.has(made.err, "Not a directory")
end)

t.test("--list counts what is broken", function()
  local dir = make_twin()
  edit(dir, "lesson.lua", "minutes = 15", "minutes = 0")
  local list = t.run(t.command { t.diaglab, "--list", "--scenarios", dir:match("^(.*)/") })
  t.equal(list.code, 1)
  t.equal(list.err, "diaglab: 1 of these steps is broken\n")
end)

t.test("new overwrites nothing", function()
  local dir = make_twin()
  local root = dir:match("^(.*)/")
  local before = t.run("cd " .. root .. " && find . -type f | xargs cksum").out
  local again = t.run(t.command { t.diaglab, "new", "--dir", root, "prices" })
  t.equal(again.code, 0)
  t.has(again.out, "/51-prices")
  t.run("rm -r " .. root .. "/51-prices")
  t.equal(t.run("cd " .. root .. " && find . -type f | xargs cksum").out, before)
end)

t.finish()
