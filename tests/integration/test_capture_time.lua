-- SPDX-License-Identifier: MIT
-- Of which visit a capture is, and how many requests there were in the time that it
-- tells of: also if a step was selected meanwhile, and if it is sent only later.
local t = require "harness"
local answers = require "answers"
t.need("curl", "go")

local PPROF = "/debug/pprof/"
local RIGHT = { class = "cpu.hot", where = "eatCPU" }

-- The captures, each { id, kind, step, attempt, seconds, busy, requests }; the attempt
-- of the visit.
local function captures(lab)
  local text = lab:get("/lab/captures?format=json").body
  local list = {}
  for object in text:match('"captures": (%[.*%])'):gmatch("{[^{}]*}") do
    local c = {}
    for key, value in object:gmatch('"([%w_]+)": "([^"]*)"') do c[key] = value end
    for key, value in object:gmatch('"([%w_]+)": (%-?[%d.e+-]+)') do c[key] = tonumber(value) end
    list[#list + 1] = c
  end
  return list, text:match('"attempt": "(%x+)"')
end

-- Saves it as `go tool pprof` does, which writes each profile anew -> the file, and the
-- lab's own capture of it.
local function fetch(lab, path)
  local file = t.temp_file()
  t.pprof.run(lab.url .. PPROF .. path, "-proto", "-output=" .. file)
  local list = captures(lab)
  return file, list[#list]
end

local function send(lab, file) return t.http(lab.url .. "/lab/captures", "--data-binary", "@" .. file) end

-- Sends the file as evidence; the lab doesn't have its own any more -> the capture.
local function send_alone(lab, file)
  answers.forget(lab)
  local sent = send(lab, file)
  t.equal(sent.status, 201, sent.body)
  local list = captures(lab)
  t.equal(list[#list].origin, "sent")
  return list[#list]
end

local function requests(lab, n)
  for _ = 1, n do t.equal(lab:get("/").status, 200) end
end

local function in_background(lab)
  return t.spawn(("sh -c 'while :; do curl -s %s/ -o /dev/null; done'"):format(lab.url))
end

-- Begins four recordings, and selects the step anew before they end -> their files,
-- the attempt in which they began, and whether they have lasted for long enough.
local function record_across(lab, seconds)
  answers.forget(lab)
  lab:go_to("2&seconds=0.2")
  local _, attempt = captures(lab)
  local load = in_background(lab)
  local askers, files = {}, {}
  for i, name in ipairs { "profile", "wall", "goroutine", "heap" } do
    files[i] = t.temp_file()
    askers[i] = t.spawn(("curl -sSv -o %s '%s%s%s?seconds=%d'"):format(files[i], lab.url, PPROF, name, seconds))
    lab:wait_sent(askers[i])
  end
  lab:wait_profiler(askers[1])
  lab:work("worker", 0.5)
  load:signal("KILL")
  lab:go_to("2&seconds=0.001")
  local across = true
  for _, asker in ipairs(askers) do across = asker:alive() and across end
  for i, asker in ipairs(askers) do t.check(asker:wait(), "asker " .. i .. " ends") end
  return files, attempt, across
end

-- What the visit before has computed would be evidence against a program that is well.
t.test("a recording in which a step was selected is no evidence", function()
  local lab = t.start()
  local files, before = t.enough(function(seconds) return record_across(lab, seconds) end,
    function(_, _, across) return across end, 5)
  requests(lab, 1)
  local list, now = captures(lab)
  t.check(before ~= now, "another visit")
  t.equal(#list, #files)
  answers.judged(lab, RIGHT, "invalid", "evidence.nothing")
  for _, c in ipairs(list) do
    t.equal(c.attempt, before, c.kind .. ": of the visit in which it began")
    answers.judged(lab, { class = RIGHT.class, where = RIGHT.where, evidence = c.id }, "invalid", "evidence.other_step")
    t.has(lab:get("/lab/captures?id=" .. c.id).body, "of an earlier visit")
  end
  for _, file in ipairs(files) do
    local sent = send(lab, file)
    t.equal(sent.status, 422)
    t.has(sent.body, "of another visit")
  end
  t.equal(lab:stop(), 0)
end)

t.test("what is sent later is of the moment at which it was taken", function()
  local lab = t.start("--step", "5")
  requests(lab, 4)
  local file, own = fetch(lab, "goroutine")
  t.equal(own.requests, 4)
  requests(lab, 8)
  local sent = send_alone(lab, file)
  t.equal(sent.requests, 4, "requests before it was taken")
  answers.judged(lab, { class = "leak.task", where = "startGoroutines", evidence = sent.id }, "solved")
  t.equal(lab:stop(), 0)
end)

t.test("what is sent later, and was taken while nothing ran, shows nothing", function()
  local lab = t.start()
  requests(lab, 5)
  local idle = fetch(lab, "profile?seconds=1")
  requests(lab, 5)
  t.equal(send_alone(lab, idle).requests, 0, "the healthy program")
  answers.judged(lab, { class = "none" }, "invalid", "evidence.idle")
  lab:go_to("2&seconds=0.2")
  requests(lab, 2)
  for _, path in ipairs { "profile?seconds=1", "wall?seconds=1", "heap?seconds=1" } do
    local file = fetch(lab, path)
    requests(lab, 1)
    local sent = send_alone(lab, file)
    t.equal(sent.requests, 0, path)
    t.equal(sent.busy_seconds, 0, path)
    t.between(sent.seconds, 0.99, 60, path)
    answers.judged(lab, RIGHT, "invalid", "evidence.idle")
  end
  t.equal(lab:stop(), 0)
end)

-- After it many came at the same time.
t.test("what is sent later has the requests of its own seconds", function()
  local lab = t.start("--step", "2", "--param", "2.seconds=0.1")
  local load = in_background(lab)
  local file, own = fetch(lab, "profile?seconds=4")
  load:signal("KILL")
  t.check(own.requests >= 1)
  local more = {}
  for i = 1, 16 do more[i] = t.spawn(("curl -s -o /dev/null %s/"):format(lab.url)) end
  for _, one in ipairs(more) do t.check(one:wait()) end
  local sent = send_alone(lab, file)
  t.near(sent.requests, own.requests, 1, "requests")
  t.near(sent.busy_seconds, own.busy_seconds, 0.3 + 0.2 * own.busy_seconds, "busy")
  answers.judged(lab, { class = RIGHT.class, where = RIGHT.where, evidence = sent.id }, "solved")
  t.equal(lab:stop(), 0)
end)

-- What the lab knows of a recording, and no file tells: how long its threads have waited
-- for a processor. On a busy machine that is too long.
t.test("a CPU profile that is sent speaks against computing, too", function()
  local lab = t.start("--step", "1")
  for _ = 1, 4 do t.spawn(("curl -s --max-time 300 %s/"):format(lab.url)) end
  lab:wait_tasks("sync.Mutex.Lock", 4)
  lab:get(PPROF .. "goroutine")
  local id = t.enough(function(seconds)
    local file, own = fetch(lab, "profile?seconds=" .. seconds)
    local sent = send(lab, file)
    t.equal(sent.status, 201, sent.body)
    local list = captures(lab)
    t.equal(list[#list].waited_seconds, own.waited_seconds, "as the lab's own")
    local v = answers.post(lab, { class = "wait.lock", where = "countRequest", ruled_out = "cpu.hot:" .. own.id })
    return list[#list].id, v.score
  end, function(_, score) return score == 100 end, 2)
  local v = answers.judged(lab, { class = "wait.lock", where = "countRequest", ruled_out = "cpu.hot:" .. id }, "solved")
  t.equal(v.score, 100)
  t.equal(lab:stop(), 0)
end)

t.finish()
