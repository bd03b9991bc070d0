-- SPDX-License-Identifier: MIT
-- Answers of those who don't diagnose: guesses, many at a time, and texts that are made to
-- keep the judge busy.
local t = require "harness"
local answers = require "answers"
t.need("curl")

local PPROF = "/debug/pprof/"
local post = answers.post

local function requests(lab, n)
  for _ = 1, n do t.equal(lab:get("/").status, 200) end
end

t.test("guessing solves nothing, and names can't be probed", function()
  local lab = t.start("--step", "3", "--param", "3.rounds=1")
  requests(lab, 3)
  lab:get(PPROF .. "goroutine") -- it has no function of the step
  local classes = {}
  for class in lab:get("/lab/classes").body:gmatch("\n?(%l+%.[%l_]+) ") do classes[#classes + 1] = class end
  t.check(#classes > 20, "classes")
  local before = lab:rss()
  local statuses = { [200] = 0, [429] = 0 }
  for _, class in ipairs(classes) do
    local v, answer = post(lab, { class = class, where = "leakMemory" })
    statuses[answer.status] = statuses[answer.status] + 1
    t.check(not v.solved, class)
    if answer.status == 429 then
      t.match(answer.headers["retry-after"], "^%d+$")
      t.has(answer.body, "what you see")
    end
  end
  t.equal(statuses[200], 10, "answers that were judged")
  t.equal(statuses[429], #classes - 10)
  if not t.is_sanitized() then t.check(lab:rss() < before + 16e6, "memory is given back") end
  lab:go_to(3)
  t.equal(lab:post("/lab/answer", "class=cpu.hot&where=x").status, 200, "a new visit begins anew")
  t.match(lab:get("/metrics").body, '\ndiaglab_answers_total{code="where.unknown"} 10\n')
  t.equal(lab:stop(), 0)
end)

t.test("guesses that come at the same time are counted, too", function()
  local lab = t.start("--step", "3", "--param", "3.rounds=1")
  requests(lab, 3)
  lab:get(PPROF .. "goroutine")
  lab:signal("STOP") -- so that all of them are there at once
  local guesses = {}
  for i = 1, 40 do
    guesses[i] = t.spawn(("curl -sv -o /dev/null -w '%%{http_code}' -d class=cpu.hot -d where=leakMemory %s/lab/answer")
      :format(lab.url))
  end
  for _, guess in ipairs(guesses) do lab:wait_sent(guess) end
  lab:signal("CONT")
  local counts = {}
  for _, guess in ipairs(guesses) do
    guess:wait()
    counts[guess:out()] = (counts[guess:out()] or 0) + 1
  end
  t.equal(counts["200"], 10, "answers that were judged")
  t.equal(counts["429"], 30)
  t.equal(lab:stop(), 0)
end)

-- Patterns that go back and forth would need hours for these.
t.test("an answer made of blanks keeps no later one waiting", function()
  local lab = t.start("--step", "6")
  local blanks = (" "):rep(60000)
  local json = { '{"ruled_out": ["a' .. blanks .. 'b c"]}', '{"ruled_out": ["a' .. (" "):rep(900) .. 'b c"]}' }
  for i, body in ipairs(json) do
    local answer = lab:post("/lab/answer", body, "--max-time", "60", "-H", "Content-Type: application/json")
    t.equal(answer.status, 400)
    t.has(answer.body, i == 1 and "more than 1000 bytes" or "of the form CLASS or CLASS:CAPTURE")
  end
  for _, form in ipairs { "class=" .. ("+"):rep(60000), "class=a" .. ("+"):rep(60000) .. "b", ("+"):rep(60000) .. "=a",
    "number=" .. ("1"):rep(60000), "ruled_out=cpu.hot" .. ("%3a"):rep(20000) } do
    t.equal(lab:post("/lab/answer", form, "--max-time", "60").status, 400, form:sub(1, 20))
  end
  t.equal(lab:post("/lab/answer", "class=leak.file&where=x\n", "--max-time", "60").status, 200, "and who is in a hurry")
  t.equal(lab:stop(), 0)
end)

t.finish()
