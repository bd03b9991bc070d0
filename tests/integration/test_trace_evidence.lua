-- SPDX-License-Identifier: MIT
-- needs: time
-- A student who has taken a trace has evidence for what a trace shows.
local t = require "harness"
local answers = require "answers"
local trace = require "trace"
t.need("curl", "go")

local PPROF = "/debug/pprof/"
local LOCK = { class = "wait.lock", where = "countRequest" }
local LEAK = { class = "leak.task", where = "startGoroutines" }
local FILES = { class = "leak.file", where = "createFiles" }

-- Waits until there are N captures -> { id, bytes } of each.
local function wait_captures(lab, n)
  local list
  t.eventually(function()
    list = {}
    for id, bytes in lab:get("/lab/captures?format=json").body:gmatch('"id": "(c%d+)".-"bytes": (%d+)') do
      list[#list + 1] = { id = id, bytes = tonumber(bytes) }
    end
    return #list == n
  end)
  return list
end

-- What is kept of a trace is a file for go tool trace, in both forms.
t.test("a trace is kept as it was sent, and can be sent", function()
  local lab = t.start("--step", "4", "--param", "4.rounds=1")
  local file, json = t.temp_file(), t.temp_file()
  local function trace_to(path, more)
    local curl = t.spawn(t.command { "curl", "-sv", "-o", path, lab.url .. PPROF .. "trace?seconds=1" .. more })
    lab:wait_sent(curl)
    for _ = 1, 3 do lab:get("/") end
    t.equal(curl:wait(), 0)
  end
  trace_to(file, "")
  local sent = t.read(file)
  local kept = wait_captures(lab, 1)[1]
  t.equal(kept.bytes, #sent)
  t.equal(lab:get("/lab/captures?id=" .. kept.id).body, sent)
  t.has(lab:post("/lab/captures", "@" .. file).body, "c1: trace of step 4, known already\n")
  t.equal(lab:get("/lab/captures?debug=collapsed&id=c1").status, 400)
  trace_to(json, "&format=json")
  t.write(file, lab:get("/lab/captures?id=" .. wait_captures(lab, 2)[2].id).body)
  t.check(trace.count(trace.events(file)).GoSysCall > 0, "copies of step 4")
  t.equal(lab:get("/lab/captures", "-X", "DELETE").status, 200)
  t.has(lab:post("/lab/captures", "@" .. file).body, "trace of step 4, kept\n")
  t.write(file, sent:sub(1, -2))
  t.has(lab:post("/lab/captures", "@" .. file).body, "This is no evidence: the trace is damaged, or its end missing\n")
  lab:go_to(4)
  t.write(file, sent)
  t.has(lab:post("/lab/captures", "@" .. file).body, "it is of another visit; take one in this visit\n")
  t.equal(lab:stop(), 0)
end)

-- A trace shows what waits, and what began and is still there; it knows nothing of files.
t.test("a trace is evidence for what it shows", function()
  local lab = t.start()
  local function trace_of(number, load, more)
    lab:go_to(number)
    local file = t.temp_file()
    local curl = t.spawn(t.command { "curl", "-sv", "-o", file, lab.url .. PPROF .. "trace?seconds=2" .. (more or "") })
    lab:wait_sent(curl)
    load()
    t.equal(curl:wait(), 0)
    return file
  end
  local function wait_in_background()
    for _ = 1, 3 do t.spawn(("curl -s --max-time 60 %s/"):format(lab.url)) end
  end
  local first = trace_of(1, wait_in_background)
  local v = answers.judged(lab, { class = "wait.lock", where = "countRequest", evidence = "trace" }, "solved")
  t.equal(v.evidence, "c1")
  answers.judged(lab, { class = "wait.deadlock", where = "countRequest" }, "partial", "class.family")
  answers.forget(lab)
  answers.judged(lab, LOCK, "invalid", "evidence.nothing")
  t.has(lab:post("/lab/captures", "@" .. first).body, "trace of step 1, kept\n")
  answers.judged(lab, LOCK, "solved")
  trace_of(1, wait_in_background, "&format=json")
  answers.judged(lab, LOCK, "solved")
  trace_of(5, function() for _ = 1, 4 do lab:get("/") end end)
  answers.judged(lab, LEAK, "solved")
  -- Few stacks aren't few samples: a trace has all.
  trace_of(34, function() t.equal(lab:get("/").status, 200) end)
  answers.judged(lab, { class = "wait.dependency", where = "loadCustomer" }, "solved")
  trace_of(36, function() t.equal(lab:get("/plan").status, 200) end)
  answers.judged(lab, { class = "wait.loop", where = "readPlan" }, "invalid", "where.unknown")
  trace_of(6, function() for _ = 1, 4 do lab:get("/") end end)
  answers.judged(lab, FILES, "partial", "evidence.none")
  t.equal(lab:stop(), 0)
end)

-- What a trace is judged by are its own requests, and those of this visit.
t.test("a trace of the past, and one that is sent", function()
  local lab = t.start("--flight", "60s")
  local function load(n)
    for _ = 1, n do t.equal(lab:get("/").status, 200) end
  end
  local function keep_past(seconds)
    local file = t.temp_file()
    local answer = lab:get(PPROF .. "trace?last=" .. seconds)
    t.equal(answer.status, 200)
    t.write(file, answer.body)
    return file
  end
  lab:go_to(5)
  load(20)
  t.sleep(2)
  load(4)
  local file = keep_past("2s")
  local form = { class = LEAK.class, where = LEAK.where, ruled_out = "wait.lock:trace" }
  t.equal(answers.judged(lab, form, "solved").score, 100, "it shows no long waits")
  answers.forget(lab)
  t.has(lab:post("/lab/captures", "@" .. file).body, "trace of step 5, kept\n")
  answers.judged(lab, LEAK, "solved")
  -- Of what waited before the switch nothing counts.
  lab:go_to(1)
  for _ = 1, 3 do t.spawn(("curl -s --max-time 60 %s/"):format(lab.url)) end
  lab:wait_tasks("sync.Mutex.Lock", 3)
  t.sleep(2)
  lab:go_to(1)
  file = keep_past("60s")
  answers.judged(lab, LOCK, "invalid", "evidence.idle")
  answers.forget(lab)
  t.sleep(0.5)
  t.has(lab:post("/lab/captures", "@" .. file).body, "trace of step 1, kept\n")
  answers.judged(lab, LOCK, "invalid", "evidence.idle")
  t.equal(lab:stop(), 0)
end)

t.test("a switch during a trace", function()
  local lab = t.start()
  local file = t.temp_file()
  -- On a busy machine a short one ends before the switch.
  local function switch_in_trace(number, before, after)
    t.enough(function(seconds)
      lab:go_to(number)
      answers.forget(lab)
      local url = ("%s%strace?seconds=%d"):format(lab.url, PPROF, seconds)
      local curl = t.spawn(t.command { "curl", "-sv", "-o", file, url })
      lab:wait_sent(curl)
      before()
      lab:go_to(number)
      after()
      local across = curl:alive()
      t.equal(curl:wait(), 0)
      return across
    end, function(across) return across end, 4)
  end
  local function load()
    for _ = 1, 4 do t.equal(lab:get("/").status, 200) end
  end
  switch_in_trace(5, load, load)
  answers.judged(lab, LEAK, "solved")
  answers.forget(lab)
  t.has(lab:post("/lab/captures", "@" .. file).body, "trace of step 5, kept\n")
  answers.judged(lab, LEAK, "solved")
  switch_in_trace(1, function()
    for _ = 1, 3 do t.spawn(("curl -s --max-time 60 %s/"):format(lab.url)) end
    lab:wait_tasks("sync.Mutex.Lock", 3)
    t.sleep(1)
  end, function() end)
  answers.judged(lab, LOCK, "invalid", "evidence.idle")
  t.equal(lab:stop(), 0)
end)

t.test("a trace is named as such", function()
  local lab = t.start("--step", "5")
  for _ = 1, 4 do t.equal(lab:get("/").status, 200) end
  lab:get(PPROF .. "trace?seconds=0.1")
  local answer = lab:post("/lab/answer", "class=leak.task&where=startGoroutines&evidence=goroutine")
  t.equal(answer.status, 400)
  t.has(answer.body, "There is no such capture: 'goroutine'; this visit has trace.")
  t.equal(lab:stop(), 0)
end)

t.finish()
