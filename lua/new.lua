-- SPDX-License-Identifier: MIT
-- diaglab new: writes an exercise that is proven as it is (templates.lua).
--
-- new.lua(host, parts) -> the verb, for kit.lua

local host, parts = ...
local templates, command = parts.templates, parts.shell.command
local sortedClasses = parts.fields.sortedKeys(templates)

-- The first number from 50 on that no folder of DIR has.
local function freeNumber(dir)
  local taken = {}
  for _, name in ipairs(host.scan(dir) or {}) do
    local number = tonumber(name:match("^(%d+)%-"))
    if number then taken[number] = true end
  end
  local n = 50
  while taken[n] do n = n + 1 end
  return n
end

local function luaList(v)
  if type(v) == "string" then return ("%q"):format(v) end
  local items = {}
  for i, item in ipairs(v) do items[i] = ("%q"):format(item) end
  return "{ " .. table.concat(items, ", ") .. " }"
end

local HINTS = [[
  hints = {
    "Begin with the question that halves the number of explanations: while the symptom shows, does the \z
      process compute, wait, or fill up? Send requests with `diaglab load --step %d`, and look at \z
      `top -p $(pidof diaglab)` and at `curl localhost:6060/status` meanwhile. Which of the numbers there is \z
      not what a healthy program would show?",
    "Each kind of trouble has its own profile; http://localhost:6060/debug/pprof/ lists all of them. Take \z
      the one that fits what you saw, while requests are under way, for example \z
      `%s`. \z
      Read the column cum from the outside to the inside. Which function of the application has nearly \z
      everything, and what does its line do?",
  },
]]

-- These are taken while the load runs, others when it has ended.
local RECORDED = { cpu = "profile?seconds=5", wall = "wall?seconds=5" }

-- What shows the fault: a command.
local function commandFor(t)
  local recorded = RECORDED[t.kinds[1]]
  local url = "http://localhost:6060/debug/pprof/" .. (recorded or t.kinds[1])
  return ("go tool pprof -top %s%s"):format(t.index and "-sample_index=" .. t.index .. " " or "",
    recorded and "'" .. url .. "'" or url)
end

local function lessonOf(t, class, number)
  return table.concat {
    "-- What the exercise teaches, and how that is proven: docs/authoring.md says what each key means.\n",
    "return {\n",
    ("  title = %q,\n  symptom = %q,\n"):format(t.title, t.symptom),
    ("  difficulty = %d,\n  minutes = %d,\n"):format(t.difficulty, t.minutes),
    HINTS:format(number, commandFor(t)),
    t.lesson,
    "  diagnosis = {\n",
    ("    class = %q,\n    where = %s,\n"):format(class, luaList(t.where)),
    t.victims and ("    victims = %s,\n"):format(luaList(t.victims)) or "",
    "  },\n}\n",
  }
end

local function readmeOf(t, number)
  return ([[
# Step %d: %s

> **Ticket.** %s

```sh
curl 'localhost:6060/goto?step=%d'
curl localhost:6060/
diaglab load --step %d        # the requests that the ticket is about
```

Find out which function is to blame, and what it does. About %d minutes. If you are stuck, `curl localhost:6060/hint`
gives hints, one at a time. When you know it, say it, in the words of `curl localhost:6060/lab/classes`:

```sh
curl -d class=CLASS -d where=FUNCTION localhost:6060/lab/answer
diaglab answer class=CLASS where=FUNCTION        # the same
```
]]):format(number, t.title:sub(1, 1):lower() .. t.title:sub(2), t.symptom, number, number, t.minutes)
end

local function solutionOf(t, class, number)
  local where = type(t.where) == "string" and t.where or t.where[1]
  return ([[
# Step %d, solved

**Class:** %s. **Where:** `%s`. %s

```sh
curl 'localhost:6060/goto?step=%d'
diaglab load --step %d%s
%s
```

## What to do about it

`fixed.lua` is the same program without the fault.

## Say it

```sh
curl -d class=%s -d where=%s localhost:6060/lab/answer
diaglab answer class=%s where=%s        # the same
```
]]):format(number, class, where, t.solution, number, number, RECORDED[t.kinds[1]] and " --seconds 10 &" or "",
    commandFor(t), class, where, class, where)
end

local function answerOf(class, where, kinds, code)
  return ("return { class = %q, where = %q, evidence = %s%s }\n"):format(class, where, luaList(kinds),
    code and (", code = %q"):format(code) or "")
end

local function filesOf(t, class, number)
  local where = type(t.where) == "string" and t.where or t.where[1]
  local other = class == "cpu.hot" and "memory.churn" or "cpu.hot"
  return {
    { "scenario.lua", "-- The program. Students may read it, so nothing in it tells the answer.\n" .. t.scenario },
    { "fixed.lua", "-- The same program without the fault. Students don't see it.\n" .. t.fixed },
    { "lesson.lua", lessonOf(t, class, number) },
    { "README.md", readmeOf(t, number) },
    { "SOLUTION.md", solutionOf(t, class, number) },
    { "answers/solved.lua", answerOf(class, where, t.kinds) },
    { "answers/partial-other-capture.lua", answerOf(class, where, { "threadcreate" }, "evidence.none") },
    t.wrong and { "answers/wrong.lua", answerOf(other, t.wrong, t.kinds, t.wrong_code) }
      or { "answers/partial-wrong-class.lua", answerOf(other, where, t.kinds, "class.other") },
    { "answers/invalid.lua", "return { class = \"something else\", where = \"nowhere\" }\n" },
  }
end

local function write(dir, files)
  local exercise <close>, why = parts.newFolder(dir)
  if not exercise then return why end
  local ok, problem = host.make_folder(dir .. "/answers")
  for _, file in ipairs(files) do
    if ok then ok, problem = host.write_new(dir .. "/" .. file[1], file[2]) end
  end
  exercise.isWhole = ok
  return not ok and problem or nil
end

local function pick(class)
  if templates[class] then return templates[class] end
  if not parts.classes.known[class] then
    parts.refuse("new", "there is no class '%s'%s", class, host.did_you_mean(class, parts.classes.known))
  end
  parts.refuse("new", "there is no template for %s; there are: %s. Take %s, which shows in the same way, and change " ..
    "class in lesson.lua", class, table.concat(sortedClasses, ", "), parts.vocabulary.template_of(class))
end

-- The folder for exercises, and those that it is in.
local function makeRoot(root)
  local parent = root:match("^(.+)/[^/]+$")
  if parent and not host.exists(parent) then makeRoot(parent) end
  local ok, why = host.make_folder(root)
  if not ok then parts.refuse("new", "%s", why) end
end

return {
  usage = "new [--class CLASS] [--dir DIR] [--json] SLUG",
  about = "Writes a new exercise to DIR/NN-SLUG: the program, its repaired twin, the lesson,\n" ..
    "a task card, a solution and answers. `diaglab test` proves it as it is. It asks\n" ..
    "nothing and overwrites nothing. NN is the first number from 50 on that is free.",
  options = {
    { "--class", "CLASS", "which fault it begins with (cpu.hot); --list shows them" },
    { "--dir", "DIR", "where to: the folder with your exercises (.);\nit is made if it is missing" },
    { "--list", nil, "list the faults that there are" },
    { "--json", nil, "print the folder and its files as JSON" },
  },
  notes = "Exit code: 0 written, 2 not.",
  run = function(options, rest)
    if options.list then
      for _, name in ipairs(sortedClasses) do host.out(("%-18s %s\n"):format(name, templates[name].title)) end
      return 0
    end
    local slug = rest[1] or parts.refuse("new", "SLUG is missing: a name such as checkout")
    if rest[2] then parts.refuse("new", "unexpected argument %s", rest[2]) end
    if not slug:find("^[%w_-]+$") then parts.refuse("new", "'%s' is no slug: letters, digits, _ and -", slug) end
    local class, root = options.class or "cpu.hot", (options.dir or "."):gsub("(.)/+$", "%1")
    local t = pick(class)
    if not host.exists(root) then makeRoot(root) end
    local there, why = host.scan(root)
    if not there then parts.refuse("new", "%s", why) end
    local number = freeNumber(root)
    local dir = ("%s/%02d-%s"):format(root, number, slug)
    local files = filesOf(t, class, number)
    local problem = write(dir, files)
    if problem then parts.refuse("new", "%s", problem) end
    if options.json then
      local names = parts.data.list {}
      for i, file in ipairs(files) do names[i] = file[1] end
      host.out(parts.data.json { folder = dir, number = number, class = class, files = names } .. "\n")
      return 0
    end
    host.out(([[
wrote %s
  scenario.lua   the program: edit this first
  fixed.lua      the same without the fault
  lesson.lua     title, symptom, hints, load, and the sentences that prove it
  answers/       answers, and the verdicts that they must get
then:
  %s
  %s
  %s
]]):format(dir, command { "diaglab", "check", dir }, command { "diaglab", "test", dir },
      command { "diaglab", "--scenarios", root, "--step", tostring(number) }))
    return 0
  end,
}
