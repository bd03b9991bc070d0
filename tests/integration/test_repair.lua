-- SPDX-License-Identifier: MIT
-- needs: time
-- A student gets the program of a step, repairs it, and the lab proves it: the fault
-- is gone, and requests are served as before.
local t = require "harness"
local exercise = require "exercise"

local SCENARIOS = t.source .. "/scenarios"

local function repair(...) return t.run(t.command { t.diaglab, "repair", "--scenarios", SCENARIOS, ... }) end

-- The program of step N in a folder of its own -> the folder.
local function given(n)
  local dir = t.temp_dir() .. "/mine"
  local result = repair(tostring(n), dir)
  t.equal(result.code, 0, result.err)
  return dir, result.out:match("is (%S+)/scenario%.lua")
end

local function proves(dir, code, verdict)
  local result = repair("--check", dir)
  t.equal(result.code, code, result.out .. result.err)
  t.match(result.out, "^%d+%-%w+: " .. verdict)
  return result.out
end

local function edit(dir, from, to)
  local text = t.read(dir .. "/scenario.lua")
  local a, b = text:find(from, 1, true)
  t.check(a, "scenario.lua has " .. from)
  t.write(dir .. "/scenario.lua", text:sub(1, a - 1) .. to .. text:sub(b + 1))
end

t.test("who names no folder gets the steps that come with the program", function()
  local dir = t.temp_dir()
  local function give() return t.run(("cd %s && %s"):format(dir, t.command { t.diaglab, "repair", "5" })) end
  t.equal(give().code, 0)
  t.equal(t.read(dir .. "/repair/05-workers/scenario.lua"), t.read(SCENARIOS .. "/05-workers/scenario.lua"))
  t.run(("rm -r %s/repair; mkdir -p %s/scenarios/50-own"):format(dir, dir))
  local result = give()
  t.equal(result.code, 2, "unless the present folder has scenarios of its own")
  t.equal(t.read(dir .. "/repair/05-workers/scenario.lua"), nil)
end)

t.test("the program is given, and nothing that tells the answer", function()
  local dir, folder = given(5)
  t.equal(t.read(folder .. "/scenario.lua"), t.read(SCENARIOS .. "/05-workers/scenario.lua"))
  for _, name in ipairs(t.names(folder)) do
    t.check(name == "scenario.lua" or name == "README.md", name)
  end
  t.equal(repair("5", dir).code, 2, "nothing is overwritten")
  t.equal(repair("6", dir).code, 0, "another step beside it")
  local lab = t.start_with({ dir, SCENARIOS }, "--step", "5")
  t.equal(lab:get("/").status, 200)
  t.equal(lab:go_to(3).status, 200, "the others are there, too")
  t.equal(lab:stop(), 0)
end)

-- An exercise of an author's own -> its folder, and give(), which asks for its program
-- -> as of t.run, and where that is.
local function make_own()
  local dir, mine = exercise.make_twin(), t.temp_dir() .. "/mine"
  return dir, function()
    local result = t.run(t.command { t.diaglab, "repair", "--scenarios", dir:match("^(.*)/"), "50", mine })
    return result, mine .. "/50-receipts"
  end
end

t.test("a repaired program may have any name, and isn't given", function()
  local dir, give = make_own()
  t.run(("mv %s/fixed.lua %s/repaired.lua"):format(dir, dir))
  exercise.edit(dir, "lesson.lua", '"fixed.lua"', '"repaired.lua"')
  local text = t.read(dir .. "/lesson.lua")
  t.write(dir .. "/lesson.lua", text .. "}")
  local result = give()
  t.equal(result.code, 2, "a lesson that can't be read doesn't say what tells the answer")
  t.has(result.err, "/lesson.lua:")
  t.write(dir .. "/lesson.lua", text)
  local again, given_folder = give()
  t.equal(again.code, 0, again.err)
  t.equal(t.run("ls " .. given_folder).out, "README.md\nscenario.lua\n")
end)

-- lab.open reads in folders of the scenario's, too.
t.test("the program is given with its folders", function()
  local dir, give = make_own()
  local text = t.read(dir .. "/scenario.lua")
  t.run(("mkdir -p %s/data/fixed && ln -s data %s/rates"):format(dir, dir))
  t.write(dir .. "/data/fixed/a.csv", "17" .. (" "):rep(2 << 20)) -- a program has at most 1 MiB
  local result = give()
  t.equal(result.code, 2)
  t.has(result.err, "/rates: it is a link to a folder; a folder is wanted")
  t.run(("rm %s/rates"):format(dir))
  local read = 'local f = assert(lab.open("data/fixed/a.csv")) assert(f:read(2) == "17") f:close() '
  t.write(dir .. "/scenario.lua", (text:gsub("request = function%(.-%)", "%0 " .. read)))
  local again, given_folder = give()
  t.equal(again.code, 0, again.err)
  t.equal(t.run(("cd %s && find . -type f | sort"):format(given_folder)).out,
    "./README.md\n./data/fixed/a.csv\n./scenario.lua\n")
  local lab = t.start_with({ given_folder:match("^(.*)/"), dir:match("^(.*)/") }, "--step", "50")
  t.equal(lab:get("/").status, 200)
  t.equal(lab:stop(), 0)
end)

t.test("the commands that it prints can be pasted", function()
  local dir = t.temp_dir() .. "/it's mine"
  local result = repair("5", dir)
  t.equal(result.code, 0, result.err)
  local given_folder = t.quote(dir .. "/05-workers")
  t.has(result.out, "\n  diaglab --scenarios " .. t.quote(dir) .. " --scenarios " .. SCENARIOS .. "\n")
  t.has(result.out, "\n  diaglab repair --check " .. given_folder .. "\n")
  result = t.run(t.command { t.diaglab, "new", "--dir", dir, "visits" })
  t.has(result.out, "\n  diaglab check " .. t.quote(dir .. "/50-visits") .. "\n")
  t.has(result.out, "\n  diaglab --scenarios " .. t.quote(dir) .. " --step 50\n")
end)

t.test("a program that can't be given whole isn't given, and can be asked for again", function()
  local scenarios, mine = t.temp_dir(), t.temp_dir() .. "/mine"
  t.equal(t.run(("cp -r %s/05-workers %s"):format(SCENARIOS, scenarios)).code, 0)
  t.write(scenarios .. "/05-workers/a.csv", ("x"):rep((16 << 20) + 1)) -- more than is copied
  local function give() return t.run(t.command { t.diaglab, "repair", "--scenarios", scenarios, "5", mine }) end
  local result = give()
  t.equal(result.code, 2)
  t.has(result.err, "05-workers/a.csv: it has more than 16 MiB")
  t.equal(t.run("ls " .. mine).out, "", "nothing is left")
  t.write(scenarios .. "/05-workers/a.csv", "x")
  result = give()
  t.equal(result.code, 0, result.err)
  t.equal(t.read(mine .. "/05-workers/a.csv"), "x")
end)

-- ---- right and wrong repairs of each step -----------------------------------------

-- Of step 63: the ministry is told without the lock; each plate is read once, and all
-- of them are gone through still, which is enough.
local UNLOCKED = {
  '  if #given > 0 then\n    assert(lab.http.get(ministry, { method = "POST", body = table.concat(given, "\\n") }))\n',
  '  local sent = given\n  given = {}\n  guard:unlock()\n  if #sent > 0 then\n' ..
    '    assert(lab.http.get(ministry, { method = "POST", body = table.concat(sent, "\\n") }))\n',
  '"):add(#given)\n    given = {}\n  end\n  guard:unlock()\n', '"):add(#sent)\n  end\n',
}
local READ_ONCE = {
  "local function isSearched(plate)\n  local found = false\n",
  "local plain = {}\n\nlocal function isSearched(plate)\n" ..
    "  for i = #plain + 1, #searched do plain[i] = plainPlate(searched[i]) end\n" ..
    "  local found, own = false, plainPlate(plate)\n",
  "in ipairs(searched) do\n    if plainPlate(other) == plainPlate(plate) then",
  "in ipairs(plain) do\n    if other == own then",
}

-- What a student makes of the program: FROM becomes TO, in pairs. `right` removes
-- the fault; `hidden` hides it; `gone` leaves out the work. The message of a wrong
-- one has the sentence that failed. A list `long` has more of them.
local REPAIRS = {
  {
    name = "01-counter",
    right = { 'total")\n    mutex:lock()\n', 'total")\n', '  leave = function() mutex:unlock() end,\n', '' },
    hidden = { verdict = "still there", says = "goroutine under countRequest: value ~ 1 per request (value 1",
      "request = function() countRequest() end", "request = function() lab.go(countRequest) end" },
    gone = { verdict = "still there", says = "requests_served_total: value < 1 per request (value 0",
      "request = function() countRequest() end", "request = function() end" },
    long = {
      { verdict = "still there", says = "requests_served_total: value < 1 per request (value 0",
        "  mutex:lock()\n  served:add()\n  mutex:unlock()\n",
        "  if mutex:try_lock() then served:add() mutex:unlock() end\n" },
    },
  },
  {
    name = "02-quote",
    right = { "local function", "local known\nlocal function", "  lab.burn(seconds)\n",
      "  if not known then lab.burn(seconds) end\n  known = true\n" },
    hidden = { verdict = "still there", says = "latency p50: value >= 10 x fixed", "lab.burn", "lab.sleep" },
    gone = { verdict = "broken", says = "quotes_total: value = 1 per request (value",
      "request = function(self) eatCPU(self.params.seconds) end", "request = function() end" },
    long = {
      { verdict = "%l+", says = "value", -- answered before its work is done
        "eatCPU(self.params.seconds) end", "lab.go(function() eatCPU(self.params.seconds) end) end" },
      { verdict = "repaired", says = "the work is still done", "seconds = { 5.0", "seconds = { 0.001" },
    },
  },
  {
    name = "03-archive",
    right = { "  turn:lock()\n", "  turn:lock()\n  buffer:reset()\n" },
    hidden = { verdict = "still there", says = "heap.inuse_space under leakMemory: share >= 0.95",
      "  turn:lock()\n", "  turn:lock()\n  if #buffer > 200000000 then buffer:reset() end\n" },
    gone = { verdict = "broken", says = "CPU time: value >= 0.3 x fixed",
      "request = function(self) leakMemory(self.params.size, self.params.rounds) end", "request = function() end" },
    long = {
      { verdict = "still there", says = "heap.inuse_space under leakMemory: share >= 0.95",
        "  return assert(n, problem)\n", "  return n, problem\n" },
    },
  },
  {
    name = "04-export",
    right = { "local function", "local kept\nlocal function",
      "local buffer = lab.buffer(size)", "kept = kept or lab.buffer(size + 512)\n    local buffer = kept:reset()",
      "  lab.gc()\nend", "end", "leave = function() lab.gc()", "leave = function() kept = nil lab.gc()" },
    gone = { verdict = "broken", says = "CPU time: value >= 0.6 x fixed",
      "for _ = 1, self.params.rounds do allocateMemory(self.params.size) end", "return nil" },
    long = {
      { verdict = "still there", says = "heap.alloc_space under allocateMemory: share >= 0.9",
        "  lab.gc()\nend", "  lab.sleep(0.01)\nend" },
      { verdict = "broken", says = "CPU time: value >= 0.6 x fixed", -- a repair that does a quarter of the work
        "local function", "local kept\nlocal function",
        "local buffer = lab.buffer(size)", "kept = kept or lab.buffer(size + 512)\n    local buffer = kept:reset()",
        "  lab.gc()\nend", "end", "for _ = 1, self.params.rounds do", "do" },
    },
  },
  {
    name = "05-workers",
    right = { "lab.go(function() quit:recv() end)", "lab.go(function() end)" },
    hidden = { verdict = "still there", says = "goroutine under startGoroutines: share >= 0.9",
      "quit:recv() end", "lab.sleep(600) end" },
    gone = { verdict = "broken", says = "workers_started_total: value = 5 per request (value",
      "request = function(self) startGoroutines(self.params.goroutines, self.params.work) end",
      "request = function() end" },
    long = {
      { verdict = "broken", says = "workers_started_total: value = 5 per request (value 0.2",
        "local function", "local alive = 0\nlocal function",
        "  for _ = 1, n do", "  for _ = 1, alive < 20 and n or 0 do\n    alive = alive + 1" },
    },
  },
  {
    name = "06-receipts",
    right = { "    files[#files + 1] = file\n", "    file:close()\n" },
    hidden = { verdict = "still there", says = "lab.OpenFiles under createFiles: share >= 0.95",
      "limit = { 500,", "limit = { 10000," },
    gone = { verdict = "broken", says = "receipts_total: value = 5 per request (value",
      "request = function(self) createFiles(self.params.files) end", "request = function() end" },
    long = {
      { verdict = "still there", says = "lab.OpenFiles under createFiles: share >= 0.95",
        'assert(lab.temp_file(nil, "request-"))', 'lab.temp_file(nil, "request-")\n    if not file then return end' },
      { verdict = "still there", says = "lab.OpenFiles under createFiles: share >= 0.95",
        "    files[#files + 1] = file\n", "    files[#files + 1] = file\n    lab.sleep(0.001)\n" },
    },
  },
  {
    name = "63-permits",
    right = table.move(READ_ONCE, 1, #READ_ONCE, #UNLOCKED + 1, { table.unpack(UNLOCKED) }),
    gone = { verdict = "broken", says = "permits_total: value = 1 per request (",
      'local text = givePermit(("b-ab %d"):format(req.id))', 'local text = "here is your permit\\n"' },
    long = {
      { verdict = "still there", says = "cpu under isSearched: share >= 0.7", table.unpack(UNLOCKED) },
      { verdict = "still there", says = "mutex.delay under sendGiven: share >= 0.8", table.unpack(READ_ONCE) },
    },
  },
}

-- The program with EDITS is proven, and gets the verdict.
local function try(r, edits, verdict, says)
  local _, folder = given(tonumber(r.name:match("%d+")))
  for i = 1, #edits, 2 do edit(folder, edits[i], edits[i + 1]) end
  t.has(proves(folder, verdict == "repaired" and 0 or 1, verdict), says)
end

-- Steps that compute or copy for seconds are for long runs.
local SLOW = { ["02-quote"] = true, ["03-archive"] = true, ["04-export"] = true, ["05-workers"] = true,
  ["63-permits"] = true }

for _, r in ipairs(REPAIRS) do
  local test = SLOW[r.name] and t.long or t.test
  test(r.name .. ": repaired, and refused where the work is gone", function()
    try(r, r.right, "repaired", "The fault is gone, and the work is still done.\n")
    try(r, r.gone, r.gone.verdict, r.gone.says)
  end)
  if r.hidden then
    t.long(r.name .. ": who hides the fault is refused", function()
      try(r, r.hidden, r.hidden.verdict, r.hidden.says)
    end)
  end
  t.long(r.name .. ": further repairs", function()
    for _, edits in ipairs(r.long) do try(r, edits, edits.verdict, edits.says) end
    local _, folder = given(tonumber(r.name:match("%d+")))
    proves(folder, 1, "still there") -- nothing is repaired
  end)
end

t.test("the verdict as JSON, and of what isn't served any more", function()
  local _, folder = given(5)
  local text = t.read(folder .. "/scenario.lua")
  t.write(folder .. "/scenario.lua", t.read(SCENARIOS .. "/05-workers/fixed.lua"))
  local json = repair("--check", folder, "--json")
  t.match(json.out, '^{"format": "diaglab%-repair/1", "name": "05%-workers", "reasons": %[%], ' ..
    '"says": "The fault is gone, and the work is still done.", "seconds": [%d.]+, "verdict": "repaired"}\n$')
  t.write(folder .. "/scenario.lua", (text:gsub("startGoroutines", "harmless")))
  t.has(proves(folder, 1, "still there"), "go_goroutines")
  t.write(folder .. "/scenario.lua",
    (text:gsub("\n  request = ", "\n  request = function() error('no') end,\n  leave = ")))
  t.has(proves(folder, 1, "gone with its work"), "Requests aren't served as before:\n  0 % of the requests")
  t.write(folder .. "/scenario.lua",
    (text:gsub("\n  request = ", "\n  request = function() return 'done' end,\n  leave = ")))
  t.has(proves(folder, 1, "gone with its work"), "the answer to / is another one")
  t.write(folder .. "/scenario.lua",
    (text:gsub("\n  request = ", "\n  enter = function() error('a job was interrupted') end,%0")))
  t.has(proves(folder, 1, "broken"), "a job was interrupted") -- that is no Ctrl-C
  t.write(folder .. "/scenario.lua", (text:gsub("return {", "return }{")))
  t.has(proves(folder, 1, "broken"), "scenario.lua:")
end)

-- The page's load and a student's have more clients than the lesson's.
t.test("each repaired program that is shipped serves several clients at once", function()
  local lab = t.start("--param", "3.rounds=1", "--param", "4.rounds=1")
  for _, step in ipairs { 1, 3, 4, 5, 6 } do
    t.equal(lab:go_to(("%d&program-file=fixed.lua"):format(step)).status, 200)
    local result = t.run(t.command { t.diaglab, "load", lab.url .. "/", "--clients", "4", "--requests", "20" })
    t.match(result.out, "\n  2xx +20\n", "step " .. step)
  end
  t.equal(lab:stop(), 0)
end)

t.test("what can't be done is told", function()
  for words, message in pairs { [""] = "name the number", ["x"] = "name the number", ["99"] = "there is no step 99",
    ["1 a b"] = "unexpected argument", ["--check " .. t.temp_dir()] = "there is no scenario here" } do
    local result = t.run(t.command { t.diaglab, "repair", "--scenarios", SCENARIOS } .. " " .. words)
    t.equal(result.code, 2, words)
    t.has(result.err, message)
  end
end)

t.finish()
