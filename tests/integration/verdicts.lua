-- SPDX-License-Identifier: MIT
-- What answers get: each kind of answer at each step, on captures of a lab. The table
-- in docs/http-api.md says the same. Steps are looked at in parts, each a test of its
-- own, as all together would take minutes.
--
--   verdicts.check { "0", "1" }   looks at these steps, and compares their columns of
--                                 the table. With TABLE=write it changes them.
local t = require "harness"
local exercise = require "exercise"
local verdicts = {}

local PPROF = "/debug/pprof/"
local DOCUMENT = t.source .. "/docs/http-api.md"

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
-- is what shows the cause, blank what doesn't. few: with these parameters that profile
-- has too few samples. Where there is no such thing, NONE says why.
local function four_requests(lab) requests(lab, 4) end
local function for_ever(lab) return in_background(lab, "/") end

local NONE = {
  healthy = "nothing is to blame in a healthy program, so no function is asked for",
  any = "any capture under load shows that a program is healthy, however short it is",
  counted = "what shows this fault is counted or timed, and not sampled",
  computes = "everything there computes: nothing waits, and nothing is used up",
}

-- Steps 1 to 6 have one function besides `request`: so the lab's function suffers in
-- which tasks wait, or by which memory or files are used up.
local STEPS = {
  { name = "0", number = 0, class = "none", family = "cpu.hot", other = "leak.task", load = four_requests,
    evidence = "heap", few = NONE.any, victim = NONE.healthy, caller = NONE.healthy },
  { name = "1", number = 1, class = "wait.lock", where = "countRequest", family = "wait.deadlock",
    other = "memory.churn", load = function(lab)
      for _ = 1, 4 do t.spawn(("curl -s --max-time 60 %s/"):format(lab.url)) end
      lab:wait_tasks("sync.Mutex.Lock", 4)
    end, evidence = "goroutine", blank = "lab.OpenFiles", few = NONE.counted, victim = "lab.Mutex.lock",
    caller = "request" },
  { name = "2", number = 2, params = "&seconds=0.2", class = "cpu.hot", where = "eatCPU", family = "cpu.backtrack",
    other = "leak.task", load = for_ever, evidence = "profile?seconds=3&hz=500", blank = "goroutine",
    few = { "&seconds=0.2", "profile?seconds=1&hz=20" }, victim = NONE.computes, caller = "request" },
  { name = "3", number = 3, class = "memory.retained", where = "leakMemory", family = "memory.pinned",
    other = "cpu.hot", load = four_requests, evidence = "heap", blank = "goroutine",
    few = { "&size=100000&rounds=1", "heap" }, victim = "lab_buffer_grow", caller = "request" },
  { name = "4", number = 4, class = "memory.churn", where = "allocateMemory", family = "memory.pinned",
    other = "wait.pool", load = four_requests, evidence = "heap", blank = "goroutine",
    few = { "&size=100000&rounds=1", "heap" }, victim = "lab_buffer_grow", caller = "request" },
  { name = "5", number = 5, class = "leak.task", where = "startGoroutines", family = "leak.timer",
    other = "wait.pool", load = four_requests, evidence = "goroutine", blank = "lab.OpenFiles", few = NONE.counted,
    victim = "lab.Channel.recv", caller = "request" },
  { name = "6", number = 6, class = "leak.file", where = "createFiles", family = "leak.socket",
    other = "memory.retained", load = four_requests, evidence = "lab.OpenFiles", blank = "goroutine",
    few = NONE.counted, victim = "lab.temp_file", caller = "request" },
  { name = "prices", number = 50, exercise = "wait.lock", class = "wait.lock", where = "importPrices",
    family = "wait.deadlock", other = "leak.task", load = function(lab)
      local all = {}
      for i = 1, 5 do all[i] = in_background(lab, i == 1 and "/import" or "/") end
      t.eventually(function() return select(2, lab:log():gsub("Request processed", "")) > 200 end)
      lab:get(PPROF .. "block")
      return { signal = function(_, name)
        for _, one in ipairs(all) do one:signal(name) end
      end }
    end, evidence = "mutex", blank = "threadcreate", few = NONE.counted, victim = "readPrice",
    caller = 'routes["/import"]' },
  { name = "digits", number = 50, exercise = "cpu.hot", class = "cpu.hot", where = "checkDigit",
    family = "cpu.backtrack", other = "leak.task", load = for_ever, evidence = "profile?seconds=3&hz=500",
    blank = "goroutine", few = { "", "profile?seconds=1&hz=20" }, victim = NONE.computes, caller = "renderRow" },
}

-- ---- the kinds of answers --------------------------------------------------------

local ROWS = { "right, and a capture shows it", "right, but nothing was captured", "right, taken while nothing ran",
  "right, too few samples", "right, the capture named shows something else",
  "right, the capture named is of another visit", "right, the capture named is of another step",
  "right, on a neighbour's capture, which is refused with 422", "a class of the same family",
  "a class of another family", "a function that suffers", "a function that calls the one to blame",
  "the function that every request enters", "the lab's own function that calls the program",
  "a function that no capture has", "the next step's answer", "an unknown class", "junk" }
local SHOWN, NOTHING, IDLE, FEW, BLANK, VISIT, STEP, NEIGHBOUR, FAMILY, OTHER, VICTIM, CALLER, ENTRY, LABS, UNKNOWN,
  NEXT, WORD, JUNK = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18

local JUNK_BODY = "\0\xff%zz&&=\r\n" .. ("{"):rep(5000)

local function start(step)
  local root = exercise.make(step.exercise or "wait.lock"):match("^(.*)/")
  return t.start_with { root, t.source .. "/scenarios" }
end

local function enter(lab, step, params)
  t.equal(lab:go_to(step.number .. (params or step.params or "")).status, 200)
end

-- Too few samples, in a visit of its own. By chance there is none at first, and then
-- enough at once, if a large block is seen for sure: so several visits.
local function look_at_few(lab, step, with)
  local verdict
  for _ = 1, 8 do
    enter(lab, step, step.few[1])
    local goes_on = step.load(lab)
    for _ = 1, 4 do
      take(lab, step.few[2])
      verdict = with()
      if verdict:find("evidence.few", 1, true) then break end
      if not goes_on then requests(lab, 1) end
    end
    if goes_on then goes_on:signal("KILL") end
    if verdict:find("evidence.few", 1, true) then break end
  end
  return verdict
end

-- Somebody else's capture, which is evidence in their lab, is sent.
local function look_at_neighbour(lab, step, id, with)
  local file = t.temp_file()
  t.equal(t.run(t.command { "curl", "-sS", "-o", file, lab.url .. "/lab/captures?id=" .. id }).code, 0)
  local neighbour = start(step)
  enter(neighbour, step)
  local kind = step.evidence:match("^%w+")
  local sent = t.http(neighbour.url .. "/lab/captures?kind=" .. kind, "--data-binary", "@" .. file)
  t.equal(sent.status, 422)
  t.has(sent.body, "of another lab process")
  local verdict = with({}, neighbour)
  t.equal(neighbour:stop(), 0)
  return verdict
end

-- Row -> the verdict at STEP, or why there is none.
local function look_at(step, next_step)
  local lab, column = start(step), {}
  local function with(changes, of)
    local form = { class = step.class, where = step.where }
    for key, value in pairs(changes or {}) do form[key] = value end
    return verdict_of(of or lab, form)
  end
  t.equal(lab:go_to(step.number == 0 and 5 or 0).status, 200)
  requests(lab, 1)
  local of_step = take(lab, "heap")
  enter(lab, step)
  column[NOTHING] = with()
  local of_visit = take(lab, step.evidence:gsub("seconds=3", "seconds=1"))
  column[IDLE] = with()
  column[FEW] = type(step.few) == "table" and look_at_few(lab, step, with) or step.few
  enter(lab, step)
  local goes_on, shown = step.load(lab), nil
  for _ = 1, 3 do -- beside busy programs one may show too little
    shown = take(lab, step.evidence)
    column[SHOWN] = with()
    if column[SHOWN]:find "^solved" then break end
  end
  if goes_on then goes_on:signal("KILL") end
  column[BLANK] = not step.blank and NONE.any or with { evidence = take(lab, step.blank) }
  column[VISIT] = with { evidence = of_visit }
  column[STEP] = with { evidence = of_step }
  column[NEIGHBOUR] = look_at_neighbour(lab, step, shown, with)
  column[FAMILY] = with { class = step.family, where = step.where or "request" }
  column[OTHER] = with { class = step.other, where = step.where or "request" }
  local functions = { [VICTIM] = step.victim, [CALLER] = step.caller, [ENTRY] = "helloWorldHandler",
    [LABS] = "doSomeBusinessLogic", [UNKNOWN] = "noSuchFunction" }
  for row, name in pairs(functions) do
    column[row] = not step.where and NONE.healthy or name:find(" ", 1, true) and name or with { where = name }
  end
  column[NEXT] = with { class = next_step.class, where = next_step.where }
  column[WORD] = with { class = "cpu.hut", where = step.where or "request" }
  column[JUNK] = tostring(lab:post("/lab/answer", JUNK_BODY).status)
  t.equal(lab:stop(), 0)
  return column
end

-- ---- the table -------------------------------------------------------------------

local REASONS = { NONE.healthy, NONE.any, NONE.counted, NONE.computes }

local function cell_of(text)
  for i, reason in ipairs(REASONS) do
    if text == reason then return ("- (%s)"):format(("abcd"):sub(i, i)) end
  end
  return text
end

-- What stands below the table: the reasons. Which functions are meant stays here:
-- students read that page, too.
local function write_notes()
  local lines = {}
  for i, reason in ipairs(REASONS) do lines[i] = ("- (%s): %s"):format(("abcd"):sub(i, i), reason) end
  lines[#lines + 1] = "- too few samples: of a short CPU profile with few samples a second; of a heap profile of "
    .. "requests with less memory (`size=100000`)"
  return table.concat(lines, "\n")
end

local function split_row(line)
  local cells = {}
  for cell in line:sub(3):gmatch("(.-) |%s?") do cells[#cells + 1] = cell end
  return cells
end

-- The table as the document has it: row -> step -> cell.
local function read_table(told)
  local rows, head = {}, nil
  for line in told:gmatch("[^\n]+") do
    local cells = line:find("^| ") and split_row(line) or {}
    if head and not line:find("^| %-") then
      rows[cells[1] or ""] = {}
      for i = 2, #cells do rows[cells[1]][head[i]] = cells[i] end
    end
    head = head or cells
  end
  return rows
end

local function write_table(rows)
  local head, line = "| answer |", "| --- |"
  for _, step in ipairs(STEPS) do
    head = head .. " " .. step.name .. " |"
    line = line .. " --- |"
  end
  local lines = { head, line }
  for _, name in ipairs(ROWS) do
    local cells = {}
    for i, step in ipairs(STEPS) do cells[i] = rows[name] and rows[name][step.name] or "?" end
    lines[#lines + 1] = ("| %s | %s |"):format(name, table.concat(cells, " | "))
  end
  return table.concat(lines, "\n") .. "\n\n" .. write_notes()
end

function verdicts.check(names)
  local text = t.read(DOCUMENT)
  local before, told, after = text:match("^(.*<!%-%- verdicts %-%->\n\n)(.-)(\n\n<!%-%- /verdicts %-%->.*)$")
  local rows, other = read_table(told), {}
  for i, step in ipairs(STEPS) do
    local next_step = STEPS[i % #STEPS + 1]
    local is_wanted = false
    for _, name in ipairs(names) do is_wanted = is_wanted or name == step.name end
    local column = is_wanted and look_at(step, next_step.where and next_step or STEPS[2])
    local solved = 0
    for row, name in ipairs(column and ROWS or {}) do
      local cells, cell = rows[name] or {}, cell_of(column[row])
      if cells[step.name] ~= cell then
        other[#other + 1] = ("%s, %s: %s (the document: %s)\n"):format(step.name, name, cell, cells[step.name])
      end
      cells[step.name] = cell
      rows[name] = cells
      solved = solved + (column[row]:find "^solved" and 1 or 0)
    end
    if column then t.equal(solved, 1, "step " .. step.name .. ": only the right answer with a capture is solved") end
  end
  local made = write_table(rows)
  if os.getenv "TABLE" == "write" then t.write(DOCUMENT, before .. made .. after) end
  t.check(told == made, ("%sdocs/http-api.md has this:\n%s"):format(table.concat(other), made))
end

return verdicts
