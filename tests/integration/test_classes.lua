-- SPDX-License-Identifier: MIT
-- diaglab classes: the words of a diagnosis.
local t = require "harness"

t.test("the vocabulary is printed", function()
  local text = t.run(t.command { t.diaglab, "classes" }).out
  t.match(text, "\nwait%.lock +others wait because somebody holds a lock for long\n +mutex profile")
  local json = t.run(t.command { t.diaglab, "classes", "--json" }).out
  t.match(json, '^{"classes": %[{"class": "cpu.hot", "meaning": ')
  local n = select(2, json:gsub('"class": ', ""))
  t.equal(n, select(2, text:gsub("\n%S", "")) + 1)
end)

t.test("a class is explained, and each has a template to begin with", function()
  local function classes(...) return t.run(t.command { t.diaglab, "classes", ... }) end
  t.equal(classes("wait.lock").out, "wait.lock          others wait because somebody holds a lock for long\n" ..
    "                   mutex profile: who held it; block profile: who waited\n" ..
    "                   diaglab new --class wait.lock SLUG\n")
  local function names(word)
    local list = {}
    for name in ("\n" .. classes(word).out):gmatch("\n(%S+)") do list[#list + 1] = name end
    return table.concat(list, " ")
  end
  t.equal(names "net", "net.nagle net.idle net.retry", "a family")
  t.equal(names "zombies", "leak.child", "a word of its line")
  t.match(classes("--json", "none").out, '^{"classes": %[{"class": "none", [^{]*}%]}\n$')
  local wrong = classes("wait.lok")
  t.equal(wrong.code, 2)
  t.has(wrong.err, "no class has the word 'wait.lok'; did you mean 'wait.lock'?")
  t.equal(classes("wait", "lock").code, 2)
  local known, n = {}, 0
  for line in t.run(t.command { t.diaglab, "new", "--list" }).out:gmatch("[^\n]+") do
    known[line:match("%S+")] = true
  end
  for class, template in classes("--templates").out:gmatch("(%S+) +(%S+)\n") do
    t.check(known[template] and (template == class or not known[class]), class .. ": " .. template)
    n = n + 1
  end
  t.equal(n, select(2, classes("--json").out:gsub('"class": ', "")), "all classes")
end)

t.finish()
