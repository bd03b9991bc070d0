-- SPDX-License-Identifier: MIT
-- What a student has done is kept: by each event, on the disk, whatever happens to
-- the process, and beside other labs.
local t = require "harness"
local kept = require "kept"
local events, count, wait_events, solve_step_5 = kept.events, kept.count, kept.await, kept.solve_step_5
t.need("curl")

local PPROF = "/debug/pprof/"
local HEAD = "step  visits  captures  hints  answers  score  solved  repaired  minutes\n"

local function progress_of(state, ...)
  local result = t.run(t.command { t.diaglab, "progress", "--state", state, ... })
  t.equal(result.code, 0, result.err)
  return result.out
end

-- The line of a step without its minutes.
local function line_of(text, step)
  for line in text:gmatch("[^\n]+") do
    if line:match("^%s*(%d+) ") == tostring(step) then return (line:gsub("%s+[%d.]+$", ""):gsub("%s+", " ")) end
  end
end

t.test("visits, hints, captures and answers are counted, and shown in all forms", function()
  local state = t.temp_dir() .. "/deep/state"
  local lab = t.start("--state", state)
  t.equal(lab:get("/lab/progress").body, HEAD .. "Nothing was done yet.\n")
  t.equal(t.read(state .. "/progress.jsonl"), nil, "nothing is written before something was done")
  lab:go_to(5)
  wait_events(state, "visit", 1)
  lab:get("/hint")
  lab:get("/hint")
  lab:get("/")
  lab:get(PPROF .. "goroutine")
  lab:post("/lab/answer", "class=cpu.hot&where=noSuchFunction")
  lab:post("/lab/answer", "class=leak.timer&where=request")
  t.has(solve_step_5(lab), "verdict   solved")
  lab:go_to(5)
  wait_events(state, "visit", 2)
  local shown = lab:get("/lab/progress").body
  t.equal(line_of(shown, 5), " 5 2 2 1 2 90 yes no")
  t.equal(progress_of(state), shown, "the command shows the same")
  local json = lab:get("/lab/progress?format=json").body
  t.equal(progress_of(state, "--json"), json)
  t.has(json, '"format": "diaglab-progress/1"')
  t.has(json, '"codes": {"solved": 1, "where.entry": 1, "where.unknown": 1}')
  local csv = lab:get("/lab/progress?format=csv")
  t.match(csv.headers["content-type"], "^text/csv")
  t.match(csv.body, "^step,visits,captures,hints,answers,score,solved,solved_at,minutes,repairs,repaired," ..
    "repaired_at\n5,2,2,1,2,90,true,%d+%-%d+%-%d+T%d+:%d+:%d+Z,[%d.]+,0,false,\n$")
  t.equal(progress_of(state, "--csv"), csv.body)
  t.equal(lab:stop(), 0)
end)

local function repair(...)
  return t.run(t.command { t.diaglab, "repair", "--scenarios", t.source .. "/scenarios", ... })
end

-- What /metrics says of the steps that are done: { ["solved 5"] = "1", ... }
local function done(lab)
  local found = {}
  local line = '\ndiaglab_step_(%l+){step="(%d+)"} (%d)'
  for what, step, value in lab:get("/metrics").body:gmatch(line) do
    found[what .. " " .. step] = value
  end
  return found
end

t.test("who has diagnosed a step has not repaired it, and the reverse", function()
  local state, mine = t.temp_dir() .. "/state", t.temp_dir() .. "/mine"
  local lab = t.start("--state", state)
  t.equal(next(done(lab)), nil)
  t.equal(repair("5", mine).code, 0)
  t.equal(repair("--check", mine, "--state", state).code, 1)
  t.equal(line_of(progress_of(state), 5), " 5 0 0 0 0 0 no no", "tried, and nothing is proven")
  t.equal(next(done(lab)), nil)
  t.write(mine .. "/05-workers/scenario.lua", t.read(t.source .. "/scenarios/05-workers/fixed.lua"))
  t.equal(repair("--check", mine, "--state", "none").code, 0)
  t.equal(line_of(progress_of(state), 5), " 5 0 0 0 0 0 no no", "it wasn't to be noted")
  t.equal(repair("--check", mine, "--state", state).code, 0)
  t.equal(line_of(progress_of(state), 5), " 5 0 0 0 0 0 no yes", "repaired, not diagnosed")
  t.equal(done(lab)["repaired 5"], "1")
  t.equal(done(lab)["solved 5"], "0")
  lab:go_to(5)
  t.has(solve_step_5(lab), "verdict   solved")
  t.equal(line_of(lab:get("/lab/progress").body, 5), " 5 1 1 0 1 90 yes yes")
  t.equal(done(lab)["solved 5"], "1")
  t.has(lab:get("/lab/progress?format=json").body, '"repaired": true')
  t.match(progress_of(state, "--csv"), "\n5,1,1,0,1,90,true,[^,]+Z,[%d.]+,2,true,%d+%-%d+%-%d+T%d+:%d+:%d+Z\n$")
  local other = t.start("--state", state)
  t.equal(done(other)["solved 5"], "1", "another lab knows it, too")
  t.write(state .. "/progress.jsonl", events(state) .. '{"event": "answer", "step": 6, "verdict": "solved"')
  t.equal(done(lab)["solved 6"], nil, "a torn line is no event")
  lab:get("/lab/progress?step=5", "-X", "DELETE")
  t.equal(next(done(lab)), nil)
  t.equal(next(done(other)), nil)
  t.equal(lab:stop(), 0)
  t.equal(other:stop(), 0)
end)

t.test("a repair is proven, also where the progress can't be kept", function()
  local state, mine = t.temp_dir() .. "/x", t.temp_dir() .. "/mine"
  t.write(state, "in the way")
  t.equal(repair("5", mine).code, 0)
  local result = repair("--check", mine, "--state", state)
  t.match(result.out, "^05%-workers: still there")
  t.match(result.err, "this is not in your progress: can't write to [^\n]+: Not a directory\n$")
  t.equal(result.code, 1)
end)

t.test("an answer is on the disk before the student has the verdict", function()
  local state = t.temp_dir()
  for i = 1, 5 do
    local lab = t.start("--state", state, "--step", "5")
    t.has(solve_step_5(lab), "verdict   solved")
    t.equal(t.run(("kill -9 %d"):format(lab.pid)).code, 0)
    t.equal(count(events(state), "answer"), i)
  end
  t.equal(line_of(progress_of(state), 5), " 5 5 5 0 5 90 yes no")
end)

t.test("whenever the lab is killed, what was told stays, and no line is broken", function()
  local state = t.temp_dir()
  local told = 0
  for i = 1, 12 do
    local lab = t.start("--state", state, "--step", "5")
    lab:get("/")
    lab:get(PPROF .. "goroutine")
    local out = t.temp_dir() .. "/out"
    local client = t.spawn(("sh -c 'while curl -s -d class=leak.task -d where=startGoroutines %s/lab/answer; " ..
      "do :; done >%s'"):format(lab.url, out))
    local function has_told() return (t.read(out) or ""):find("verdict   solved") end
    t.run(("sleep %.3f"):format(0.02 * i))
    if i == 12 then t.eventually(has_told) end
    t.run(("kill -9 %d"):format(lab.pid))
    client:wait()
    told = told + select(2, (t.read(out) or ""):gsub("verdict   solved", ""))
  end
  t.check(told > 0, "some were told")
  t.check(count(events(state), "answer") >= told, "all that was told is on the disk")
  local shown = progress_of(state)
  t.check(not shown:find("left out"), shown)
  t.match(line_of(shown, 5), "yes no$")
end)

t.test("a torn line is left out with a word, and nothing else", function()
  local state = t.temp_dir()
  local lab = t.start("--state", state, "--step", "5")
  solve_step_5(lab)
  local whole = events(state)
  for cut = 1, 60, 7 do
    t.write(state .. "/progress.jsonl", whole .. whole:sub(1, cut))
    local shown = progress_of(state)
    t.equal(line_of(shown, 5), " 5 1 1 0 1 90 yes no")
    t.has(shown, "1 line of the file can't be read and was left out.")
  end
  solve_step_5(lab)
  local shown = lab:get("/lab/progress").body
  t.equal(line_of(shown, 5), " 5 1 2 0 2 90 yes no")
  t.has(shown, "1 line of the file can't be read and was left out.")
  t.write(state .. "/progress.jsonl", "nonsense\n[1]\n{}\n\0\n" .. whole)
  t.has(progress_of(state), "4 lines of the file can't be read and were left out.")
  t.equal(line_of(progress_of(state), 5), " 5 1 1 0 1 90 yes no")
  t.equal(lab:stop(), 0)
end)

t.test("two labs in one folder keep all that is done in both", function()
  local state = t.temp_dir()
  local labs = { t.start("--state", state), t.start("--state", state) }
  local clients = {}
  for i, lab in ipairs(labs) do
    -- On a busy machine /goto says so, and to try again.
    clients[i] = t.spawn(("sh -c 'for i in $(seq 20); do until curl -sf -o /dev/null %s/goto?step=5; do sleep 1; " ..
      "done; curl -s -o /dev/null %s/hint; done'"):format(lab.url, lab.url))
  end
  for _, client in ipairs(clients) do t.equal(client:wait(), 0) end
  wait_events(state, "visit", 40)
  local text = events(state)
  t.equal(count(text, "visit"), 40)
  t.equal(count(text, "hint"), 40)
  local shown = labs[1]:get("/lab/progress").body
  t.equal(line_of(shown, 5), " 5 40 0 1 0 0 no no")
  t.check(not shown:find("left out"), "no line is torn")
  for _, lab in ipairs(labs) do t.equal(lab:stop(), 0) end
end)

t.test("one begins anew with a step, or with all", function()
  local state = t.temp_dir()
  local lab = t.start("--state", state, "--step", "5")
  solve_step_5(lab)
  lab:go_to(6)
  wait_events(state, "visit", 1)
  for _, query in ipairs { "step=x", "step=5%", "step=5;", "steps=5", "step=5&x=1", "step=5%00", "%zz", "5" } do
    local refused = lab:get("/lab/progress?" .. query, "-X", "DELETE")
    t.equal(refused.status, 400, query)
    t.has(refused.body, "step must be the number of a step, and the only parameter")
  end
  t.equal(count(events(state), "reset"), 0)
  t.equal(lab:get("/lab/progress", "-X", "DELETE", "-H", "Origin: http://evil.example").status, 403)
  t.equal(lab:get("/lab/progress?step=5", "-X", "DELETE").body, "the progress of step 5 begins anew\n")
  t.equal(line_of(lab:get("/lab/progress").body, 5), nil)
  t.equal(line_of(lab:get("/lab/progress").body, 6), " 6 1 0 0 0 0 no no")
  t.equal(lab:get("/lab/progress", "-X", "DELETE").body, "the progress begins anew\n")
  t.equal(lab:get("/lab/progress").body, HEAD .. "Nothing was done yet.\n")
  t.equal(count(events(state), "answer"), 1, "nothing is deleted")
  lab:go_to(5)
  wait_events(state, "visit", 2)
  t.equal(line_of(progress_of(state), 5), " 5 1 0 0 0 0 no no")
  t.equal(progress_of(state, "--reset", "--step", "5"), HEAD .. "Nothing was done yet.\n")
  t.equal(lab:stop(), 0)
end)

t.test("where it is kept", function()
  local home = t.temp_dir()
  local lab = t.start("--state", "none", "--step", "5")
  solve_step_5(lab)
  t.equal(lab:get("/lab/progress").body, HEAD .. "Nothing was done yet.\n")
  t.equal(lab:stop(), 0)
  local command = t.command { t.diaglab, "progress" }
  t.write(home .. "/x", "")
  for variables, message in pairs {
    ["XDG_STATE_HOME=" .. home .. "/x"] = "Not a directory",
    ["-u XDG_STATE_HOME -u HOME"] = "there is no home folder",
  } do
    local result = t.run("env " .. variables .. " " .. command)
    t.equal(result.code, 2, variables)
    t.has(result.err, message)
  end
  t.equal(t.run("env XDG_STATE_HOME=" .. home .. " " .. command).out, HEAD .. "Nothing was done yet.\n")
  t.equal(t.run("env -u XDG_STATE_HOME HOME=" .. home .. " " .. command).out, HEAD .. "Nothing was done yet.\n")
  for words, message in pairs { ["--step x"] = "is not the number", ["--step 5"] = "needs --reset",
    ["x"] = "unexpected argument", ["--reset --state /proc/none"] = "can't write" } do
    local result = t.run(t.command { t.diaglab, "progress" } .. " " .. words)
    t.equal(result.code, 2, words)
    t.has(result.err, message)
  end
end)

t.test("what can't be written waits, and is told once", function()
  local state = t.temp_dir() .. "/state"
  t.write(state, "in the way")
  local lab = t.start("--state", state, "--step", "5")
  t.has(solve_step_5(lab), "verdict   solved", "the verdict comes nevertheless")
  solve_step_5(lab)
  lab:wait_log("can't keep the progress in " .. state)
  t.equal(select(2, lab:log():gsub("can't keep the progress", "")), 1)
  os.remove(state)
  solve_step_5(lab)
  lab:wait_log("the progress is in " .. state .. " again")
  t.equal(count(events(state), "answer"), 3)
  t.equal(lab:stop(), 0)
end)

-- Each of these would keep a thread of the pool for ever, or give gigabytes.
t.test("a state file that is none: an error, and profiles are written", function()
  for what, make in pairs { fifo = "mkfifo", device = "ln -s /dev/zero", folder = "mkdir" } do
    local dir = t.temp_dir()
    t.equal(t.run(("%s %s/progress.jsonl"):format(make, dir)).code, 0)
    local lab = t.start("--state", dir)
    for _ = 1, 4 do
      local answer = lab:get("/lab/progress", "--max-time", "60")
      t.equal(answer.status, 500, what)
      t.has(answer.body, dir .. "/progress.jsonl: ", what)
      t.equal(lab:get("/metrics", "--max-time", "60").status, 200, what)
    end
    t.equal(lab:go_to(0).status, 200, what)
    t.equal(lab:get("/debug/pprof/heap").status, 200, what)
    lab:wait_log("can't keep the progress in " .. dir)
    t.equal(lab:stop(), 0, what)
  end
end)

t.test("a reset that can't be written is refused, and is not done later", function()
  local state = t.temp_dir() .. "/state"
  local file = t.quote(state .. "/progress.jsonl")
  local lab = t.start("--state", state, "--step", "5")
  t.has(solve_step_5(lab), "verdict   solved")
  t.equal(t.run(("mv %s %s.kept && mkdir %s"):format(file, file, file)).code, 0)
  for _, query in ipairs { "", "?step=5" } do
    local refused = lab:get("/lab/progress" .. query, "-X", "DELETE")
    t.equal(refused.status, 500, refused.body)
    t.has(refused.body, "the progress stays as it is: can't write to " .. state)
  end
  t.equal(t.run(("rmdir %s && mv %s.kept %s"):format(file, file, file)).code, 0)
  lab:go_to(5)
  wait_events(state, "visit", 1)
  t.equal(count(events(state), "reset"), 0)
  t.match(line_of(progress_of(state), 5), " yes no$")
  t.equal(lab:get("/lab/progress?step=5", "-X", "DELETE").body, "the progress of step 5 begins anew\n")
  t.equal(line_of(progress_of(state), 5), nil)
end)

-- ---- the sums -------------------------------------------------------------------

-- The same sums, by a second way: all events from the first one on, one by one. An
-- event is a table here.
local function replay(list)
  local steps = {}
  for _, e in ipairs(list) do
    if e.event == "reset" then
      for number in pairs(steps) do
        if e.step == number or e.step < 0 then steps[number] = nil end
      end
    else
      local s = steps[e.step] or { seen = {}, told = {}, codes = {}, visits = 0, captures = 0, hints = 0, answers = 0,
        score = 0, seconds = 0, repairs = 0 }
      steps[e.step] = s
      if e.event == "repair" then
        s.repairs = s.repairs + 1
        s.repaired_at = s.repaired_at or e.verdict == "repaired" and e.at or nil
      else
        local visit = s.seen[e.attempt]
        if not visit then
          visit = { captures = 0, last = e.seconds }
          s.seen[e.attempt], s.visits = visit, s.visits + 1
        end
        s.captures = s.captures + math.max(0, e.captures - visit.captures)
        visit.captures = math.max(visit.captures, e.captures)
        if not s.solved_at then s.seconds = s.seconds + math.max(0, math.min(1800, e.seconds - visit.last)) end
        visit.last = e.seconds
      end
      if e.event == "hint" and not s.told[e.hint] then s.told[e.hint], s.hints = true, s.hints + 1 end
      if e.event == "answer" then
        s.codes[e.code] = (s.codes[e.code] or 0) + 1
        if e.verdict ~= "invalid" then
          s.answers, s.score = s.answers + 1, math.max(s.score, e.score)
          if e.verdict == "solved" and not s.solved_at then s.solved_at, s.class = e.at, e.class end
        end
      end
    end
  end
  return steps
end

local function csv_of(steps)
  local numbers, lines = {}, {}
  for number in pairs(steps) do numbers[#numbers + 1] = number end
  table.sort(numbers)
  for i, number in ipairs(numbers) do
    local s = steps[number]
    lines[i] = ("%d,%d,%d,%d,%d,%d,%s,%s,%.1f,%d,%s,%s\n"):format(number, s.visits, s.captures, s.hints, s.answers,
      s.score, tostring(s.solved_at ~= nil), s.solved_at or "", math.floor(s.seconds / 6 + 0.5) / 10, s.repairs,
      tostring(s.repaired_at ~= nil), s.repaired_at or "")
  end
  return table.concat(lines)
end

local function codes_of(steps)
  local all = {}
  for number, s in pairs(steps) do
    local codes = {}
    for code, n in pairs(s.codes) do codes[#codes + 1] = ('"%s": %d'):format(code, n) end
    table.sort(codes)
    all[#all + 1] = ('"codes": {%s} of %d%s'):format(table.concat(codes, ", "), number, s.class or "")
  end
  table.sort(all)
  return table.concat(all, "\n")
end

local function codes_in(json)
  local all = {}
  for before, codes, after in json:gmatch '{"answers": %d+, (.-)("codes": {.-})(.-)}' do
    all[#all + 1] = codes .. " of " .. after:match '"step": (%d+)' .. (before:match '"class": "(.-)"' or "")
  end
  table.sort(all)
  return table.concat(all, "\n")
end

local VERDICTS = { "wrong", "partial", "invalid", "solved" }

local function random_event(i)
  local kinds = { "visit", "hint", "answer", "answer", "answer", "repair", "reset" }
  local what = kinds[math.random(i % 40 == 0 and 7 or 6)]
  local e = { event = what, step = math.random(0, 6), attempt = ("%016x"):format(math.random(1, 40)),
    seconds = 1700000000 + 60 * i + math.random(-3000, 3000), captures = math.random(0, 9),
    at = ("2026-11-28T%02d:%02d:00Z"):format(i // 60 % 24, i % 60) }
  if what == "hint" then e.hint = math.random(1, 5) end
  if what == "reset" and math.random(3) == 1 then e.step = -1 end
  if what == "repair" then e.verdict = ({ "repaired", "still there", "gone with its work" })[math.random(3)] end
  if what == "answer" then
    e.verdict, e.score, e.code = VERDICTS[math.random(i % 9 == 0 and 4 or 3)], math.random(0, 100),
      ({ "class.family", "where.victim", "evidence.none" })[math.random(3)]
    e.class = ({ "wait.lock", "cpu.hot" })[math.random(2)]
  end
  return e
end

local function line_of_event(e)
  local rest = e.hint and (', "hint": %d'):format(e.hint) or ""
  if e.score then
    rest = (', "verdict": "%s", "score": %d, "code": "%s", "class": "%s"'):format(e.verdict, e.score, e.code, e.class)
  elseif e.verdict then
    rest = (', "verdict": "%s"'):format(e.verdict)
  end
  return ('{"at": "%s", "seconds": %d, "event": "%s", "step": %d, "attempt": "%s", "captures": %d%s}\n'):format(e.at,
    e.seconds, e.event, e.step, e.attempt, e.captures, rest)
end

t.test("sums that are kept are those of all events, one by one", function()
  local state = t.temp_dir()
  local lab = t.start("--state", state)
  wait_events(state, "visit", 0)
  math.randomseed(7)
  local list, head = {}, nil
  for batch = 1, 30 do
    local lines = {}
    for i = 1, batch % 3 == 0 and 1 or 40 do
      list[#list + 1] = random_event(#list)
      lines[i] = line_of_event(list[#list])
    end
    local file = assert(io.open(state .. "/progress.jsonl", "a"))
    local text = table.concat(lines)
    file:write(text:sub(1, -30)) -- another lab has not written all of it yet
    file:flush()
    t.equal(lab:get("/lab/progress?format=csv").status, 200)
    file:write(text:sub(-29))
    file:close()
    local shown = lab:get("/lab/progress?format=csv").body
    head = head or shown:match "^[^\n]+\n"
    t.equal(shown, head .. csv_of(replay(list)), "batch " .. batch)
  end
  local json = lab:get("/lab/progress?format=json").body
  t.equal(codes_in(json), codes_of(replay(list)))
  t.has(json, '"dropped": 0')
  t.equal(progress_of(state, "--json"), json, "read from its begin on")
  t.check(json:find('"solved": true', 1, true) and json:find('"repaired": true', 1, true), json)
end)

t.finish()
