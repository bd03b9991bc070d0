-- SPDX-License-Identifier: MIT
-- What answers get: each kind of answer at each step, on captures of a lab. The table
-- in docs/http-api.md says the same. TABLE=FILE writes it.
local t = require "harness"
local exercise = require "exercise"
t.need("curl")

local PPROF = "/debug/pprof/"

-- ---- a lab ----------------------------------------------------------------------

-- "solved 90", "partial 60 `evidence.none`", or the status of an answer that can't be
-- read.
local function verdict_of(lab, form)
  local words = { "-H", "Accept: application/json" }
  for key, value in pairs(form) do
    words[#words + 1] = "--data-urlencode"
    words[#words + 1] = key .. "=" .. value
  end
  local answer = lab:get("/lab/answer", table.unpack(words))
  if answer.status ~= 200 then return tostring(answer.status) end
  local verdict, code = answer.body:match('"verdict": "(%a+)"'), answer.body:match('"code": "([%w._]+)"')
  local score = answer.body:match('"score": (%d+)')
  return verdict == "solved" and "solved " .. score or ("%s %s `%s`"):format(verdict, score, code)
end

local function ids(lab)
  local list = {}
  for id in lab:get("/lab/captures?format=json").body:gmatch('"id": "(c%d+)"') do list[#list + 1] = id end
  return list
end

-- Takes the profile, and returns its id.
local function take(lab, path)
  local n = #ids(lab)
  t.equal(lab:get(PPROF .. path).status, 200, path)
  return ids(lab)[n + 1]
end

local function requests(lab, n)
  for _ = 1, n do t.equal(lab:get("/").status, 200) end
end

local function in_background(lab, path)
  return t.spawn(("curl -s -o /dev/null '%s%s?[1-1000000]'"):format(lab.url, path))
end

-- ---- the steps ------------------------------------------------------------------

-- load(lab) makes the symptom show; it returns what must end, if it goes on. Evidence
-- is what shows the cause, other what doesn't.
local function four_requests(lab) requests(lab, 4) end

local STEPS = {
  { name = "0", number = 0, class = "none", family = "cpu.hot", other = "leak.task", load = four_requests,
    evidence = "heap", blank = "goroutine" },
  { name = "1", number = 1, class = "wait.lock", where = "countRequest", family = "wait.deadlock",
    other = "memory.churn", load = function(lab)
      for _ = 1, 4 do t.spawn(("curl -s --max-time 60 %s/"):format(lab.url)) end
      lab:wait_tasks("sync.Mutex.Lock", 4)
    end, evidence = "goroutine", blank = "lab.OpenFiles" },
  { name = "2", number = 2, params = "&seconds=0.2", class = "cpu.hot", where = "eatCPU", family = "cpu.backtrack",
    other = "leak.task", load = function(lab) return in_background(lab, "/") end,
    evidence = "profile?seconds=3&hz=500", blank = "goroutine", few = "profile?seconds=1&hz=20" },
  { name = "3", number = 3, class = "memory.retained", where = "leakMemory", family = "memory.pinned",
    other = "cpu.hot", load = four_requests, evidence = "heap", blank = "goroutine" },
  { name = "4", number = 4, class = "memory.churn", where = "allocateMemory", family = "memory.pinned",
    other = "wait.pool", load = four_requests, evidence = "heap", blank = "goroutine" },
  { name = "5", number = 5, class = "leak.task", where = "startGoroutines", family = "leak.timer",
    other = "wait.pool", load = four_requests, evidence = "goroutine", blank = "lab.OpenFiles" },
  { name = "6", number = 6, class = "leak.file", where = "createFiles", family = "leak.socket",
    other = "memory.retained", load = four_requests, evidence = "lab.OpenFiles", blank = "goroutine" },
  { name = "prices", number = 50, class = "wait.lock", where = "importPrices", family = "wait.deadlock",
    victim = "readPrice", other = "leak.task", load = function(lab)
      local all = {}
      for i = 1, 5 do all[i] = in_background(lab, i == 1 and "/import" or "/") end
      t.eventually(function() return select(2, lab:log():gsub("Request processed", "")) > 200 end)
      lab:get(PPROF .. "block")
      return { signal = function(_, name)
        for _, one in ipairs(all) do one:signal(name) end
      end }
    end, evidence = "mutex", blank = "threadcreate" },
  { name = "digits", number = 50, exercise = "cpu.hot", class = "cpu.hot", where = "checkDigit",
    family = "cpu.backtrack", caller = "renderRow", other = "leak.task",
    load = function(lab) return in_background(lab, "/") end, evidence = "profile?seconds=3&hz=500",
    blank = "goroutine" },
}

-- ---- the kinds of answers --------------------------------------------------------

local ROWS = { "right, and a capture shows it", "right, but nothing was captured", "right, taken while nothing ran",
  "right, too few samples", "right, the capture named shows something else",
  "right, the capture named is of another visit", "a class of the same family", "a class of another family",
  "a function that suffers", "a function that calls the one to blame", "the function that every request enters",
  "the lab's own function", "a function that no capture has", "the next step's answer", "an unknown class",
  "junk" }

local JUNK = "\0\xff%zz&&=\r\n" .. ("{"):rep(5000)

-- Fills COLUMN: row -> verdict.
local function fill(lab, step, next_step, column)
  local function with(changes)
    local form = { class = step.class, where = step.where }
    for key, value in pairs(changes or {}) do form[key] = value end
    return verdict_of(lab, form)
  end
  local function enter() t.equal(lab:go_to(step.number .. (step.params or "")).status, 200) end
  enter()
  column[2] = with()
  local earlier = take(lab, step.evidence:gsub("seconds=3", "seconds=1"))
  column[3] = with()
  enter()
  if step.few then
    local goes_on = step.load(lab)
    t.eventually(function()
      take(lab, step.few)
      return not with():find("where.unknown", 1, true)
    end)
    column[4] = with()
    goes_on:signal("KILL")
    enter()
  end
  local goes_on = step.load(lab)
  for _ = 1, 3 do -- beside busy programs one may show too little
    take(lab, step.evidence)
    column[1] = with()
    if column[1]:find "^solved" then break end
  end
  if goes_on then goes_on:signal("KILL") end
  local blank = take(lab, step.blank)
  column[5] = step.where and with { evidence = blank }
  column[6] = step.where and with { evidence = earlier }
  column[7] = with { class = step.family, where = step.where or "request" }
  column[8] = with { class = step.other, where = step.where or "request" }
  column[9] = step.victim and with { where = step.victim }
  column[10] = step.caller and with { where = step.caller }
  column[11] = step.where and with { where = "request" }
  column[12] = step.where and with { where = "doSomeBusinessLogic" }
  column[13] = step.where and with { where = "noSuchFunction" }
  column[14] = with { class = next_step.class, where = next_step.where }
  column[15] = with { class = "cpu.hut", where = step.where or "request" }
  column[16] = tostring(lab:post("/lab/answer", JUNK).status)
end

local function make_table()
  local columns = {}
  for i, step in ipairs(STEPS) do
    local root = exercise.make(step.exercise or "wait.lock"):match("^(.*)/")
    local lab = t.start_with { root, t.source .. "/scenarios" }
    columns[i] = {}
    fill(lab, step, STEPS[i % #STEPS + 1].where and STEPS[i % #STEPS + 1] or STEPS[2], columns[i])
    t.equal(lab:stop(), 0)
  end
  local head, line = "| answer |", "| --- |"
  for _, step in ipairs(STEPS) do
    head = head .. " " .. step.name .. " |"
    line = line .. " --- |"
  end
  local lines = { head, line }
  for row, name in ipairs(ROWS) do
    local cells = {}
    for i in ipairs(STEPS) do cells[i] = columns[i][row] or "-" end
    lines[#lines + 1] = ("| %s | %s |"):format(name, table.concat(cells, " | "))
  end
  return table.concat(lines, "\n") .. "\n"
end

t.test("each kind of answer at each step gets what the document says", function()
  local text = t.read(t.source .. "/docs/http-api.md")
  local told = text:match("<!%-%- verdicts %-%->\n\n(.-)\n<!%-%- /verdicts %-%->")
  local made = make_table()
  if os.getenv "TABLE" then t.write(os.getenv "TABLE", made) end
  t.check(told == made, "docs/http-api.md has this table:\n" .. made)
  for _, row in ipairs(ROWS) do t.check(made:find(row, 1, true), row) end
  t.equal(select(2, made:gsub("solved %d+", "")), #STEPS, "only the right answer with a capture is solved")
end)

t.finish()
