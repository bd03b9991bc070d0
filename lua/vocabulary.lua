-- SPDX-License-Identifier: MIT
-- diaglab classes: the vocabulary for authors, with the templates of `diaglab new`.
--
-- vocabulary.lua(host, parts) -> the verb, for kit.lua    parts: classes, data,
--   templates, refuse

local host, parts = ...
local classes, templates = parts.classes, parts.templates

-- For a class without a template: the one of a class that shows in the same way.
local NEAREST = {
  ["cpu.backtrack"] = "cpu.quadratic", ["cpu.syscall"] = "cpu.hot",
  ["memory.pinned"] = "memory.retained", ["memory.fragmented"] = "memory.churn", ["memory.faults"] = "memory.churn",
  ["gc.pressure"] = "memory.churn",
  ["wait.convoy"] = "wait.lock", ["wait.deadlock"] = "wait.lock", ["wait.channel"] = "leak.task",
  ["wait.pool"] = "wait.lock", ["wait.loop"] = "cpu.hot",
  ["leak.timer"] = "leak.task", ["leak.socket"] = "leak.file", ["leak.child"] = "leak.file",
  ["io.tiny"] = "cpu.hot", ["io.sync"] = "wait.dependency", ["io.log"] = "cpu.hot",
  ["net.nagle"] = "wait.dependency", ["net.idle"] = "leak.file", ["net.retry"] = "wait.dependency",
  ["tail.slow_path"] = "cpu.quadratic", ["none"] = "cpu.hot",
}

local vocabulary = {}

-- The class whose template an exercise about CLASS begins with.
function vocabulary.template_of(class) return templates[class] and class or NEAREST[class] end

-- ---- what is shown ---------------------------------------------------------------

local function templateLine(class)
  local template = vocabulary.template_of(class)
  local text = ("diaglab new --class %s SLUG"):format(template)
  return template == class and text or text .. ", and change the class"
end

-- The classes that WORD is about: one, a family, or those whose line has it.
local function find(word)
  if classes.known[word] then return { classes.list[classes.known[word]] } end
  local family, others = {}, {}
  for _, class in ipairs(classes.list) do
    if classes.family(class[1]) == word then family[#family + 1] = class end
    if table.concat(class, " "):lower():find(word:lower(), 1, true) then others[#others + 1] = class end
  end
  return #family > 0 and family or others
end

local function printTemplates(list)
  for _, class in ipairs(list) do host.out(("%-18s %s\n"):format(class[1], vocabulary.template_of(class[1]))) end
end

-- LIST as the vocabulary, each with how an exercise about it begins.
local function explain(list)
  for _, class in ipairs(list) do
    host.out(classes.text { class })
    host.out(("%-18s %s\n"):format("", templateLine(class[1])))
  end
end

vocabulary.verb = {
  usage = "classes [--json] [--templates] [WORD]",
  about = "Prints the vocabulary of diagnoses: what can be wrong with a program, one line\n" ..
    "of meaning for each class, and one of how it shows. With a WORD: that class, those\n" ..
    "of that family, or those that have the word in their lines; and how an exercise\n" ..
    "about it begins.",
  options = {
    { "--templates", nil, "for each class, the template to begin with: its own, or\n" ..
      "that of a class which shows in the same way" },
    { "--json", nil, "as JSON" },
  },
  notes = "Exit code: 0 printed, 2 there is no such class.",
  run = function(options, rest)
    if rest[2] then parts.refuse("classes", "unexpected argument '%s'", rest[2]) end
    local list = rest[1] and find(rest[1]) or classes.list
    if #list == 0 then
      parts.refuse("classes", "no class has the word '%s'%s", rest[1], host.did_you_mean(rest[1], classes.known))
    elseif options.json then
      host.out(parts.data.json { classes = classes.objects(list) } .. "\n")
    elseif options.templates then
      printTemplates(list)
    elseif rest[1] then
      explain(list)
    else
      host.out(classes.text())
    end
    return 0
  end,
}

return vocabulary
