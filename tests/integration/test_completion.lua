-- SPDX-License-Identifier: MIT
-- The completion for bash knows each verb and each flag that --help has. What
-- --help has is read here in another way, so a flag can't be missing in both.
local t = require "harness"
t.need("bash")

local FILE = t.source .. "/tools/completion/diaglab.bash"

-- What bash offers for the last of WORDS, as a set, and how many.
local function complete(...)
  local words = { t.diaglab, ... }
  local script = ("source %s; COMP_WORDS=(%s); COMP_CWORD=%d; _diaglab; printf '%%s\\n' \"${COMPREPLY[@]}\"")
    :format(t.quote(FILE), t.command(words), #words - 1)
  local result = t.run(t.command { "bash", "-c", script })
  t.equal(result.code, 0, result.err)
  t.equal(result.err, "")
  local set, n = {}, 0
  for word in result.out:gmatch("[^\n]+") do set[word], n = true, n + 1 end
  return set, n
end

local function help_of(...)
  local words = { t.diaglab, ... }
  words[#words + 1] = "--help"
  local result = t.run(t.command(words))
  t.equal(result.code, 0, result.err)
  return result.out
end

-- The flags that begin a line of a help text.
local function flags_of(help)
  local flags = {}
  for line in help:gmatch("[^\n]+") do
    local flag = line:match("^  (%-%-%S+)")
    if flag then flags[#flags + 1] = flag end
  end
  t.check(#flags >= 2, "flags of " .. help)
  return flags
end

local function verbs_of(help)
  local verbs = {}
  for line in t.match(help, "\nCommands[^\n]*\n(.-)\n\n"):gmatch("[^\n]+") do
    verbs[#verbs + 1] = t.match(line, "^  (%S+)")
  end
  t.check(#verbs >= 5, "verbs")
  return verbs
end

local function offers_all(wanted, ...)
  local set, n = complete(...)
  for _, word in ipairs(wanted) do t.check(set[word], word .. " is offered") end
  t.equal(n, #wanted, "nothing else is offered")
end

t.test("verbs and flags are those of --help", function()
  local help = help_of()
  local verbs = verbs_of(help)
  offers_all(verbs, "")
  offers_all(flags_of(help), "--")
  for _, verb in ipairs(verbs) do offers_all(flags_of(help_of(verb)), verb, "--") end
end)

t.test("what has been typed is completed", function()
  offers_all({ "check" }, "ch")
  offers_all({ "--jobs", "--json", "--junit" }, "test", "--j")
  offers_all({ "wait.lock" }, "new", "--class", "wait.l")
  offers_all({ "--runs" }, "test", "some-folder", "--ru")
end)

t.test("a folder is completed where one is expected", function()
  local dir = t.temp_dir()
  t.run(t.command { "mkdir", dir .. "/50-prices" })
  offers_all({ dir .. "/50-prices" }, "check", dir .. "/50")
end)

t.test("bash knows whom the completion is for", function()
  local result = t.run(t.command { "bash", "-c", ("source %s; complete -p diaglab"):format(t.quote(FILE)) })
  t.has(result.out, "-F _diaglab diaglab")
end)

t.finish()
