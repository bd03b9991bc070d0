-- SPDX-License-Identifier: MIT
-- The completions for bash, zsh and fish know each verb and each flag that --help
-- has, and offer the same values. What --help has is read here in another way, so a
-- flag can't be missing in both.
local t = require "harness"

local FOLDER = t.source .. "/tools/completion/"
local shells = {}

-- The shells look for the program by its name.
local function run(place, shell, ...)
  local bin = t.temp_dir()
  t.run(t.command { "ln", "-s", t.diaglab, bin .. "/diaglab" })
  local result = t.run(("cd %s && PATH=%s:$PATH HOME=%s %s"):format(t.quote(place), bin, bin, t.command { shell, ... }))
  t.equal(result.err, "", shell)
  return result.out
end

-- Each offers(place, word...) -> what the shell prints for the last of the words, in
-- the folder PLACE, a line for each.
function shells.bash(place, ...)
  local words = { "diaglab" }
  for _, word in ipairs { ... } do -- as bash takes words apart
    local before, after = word:match("^(%-?%-?[%w-]+)=(.*)$")
    for _, part in ipairs(before and { before, "=", after } or { word }) do words[#words + 1] = part end
  end
  local script = "source %s; COMP_WORDS=(%s); COMP_CWORD=%d; _diaglab; printf '%%s\\n' \"${COMPREPLY[@]}\""
  return run(place, "bash", "-c", script:format(t.quote(FOLDER .. "diaglab.bash"), t.command(words), #words - 1))
end

function shells.fish(place, ...)
  local line = table.concat({ "diaglab", ... }, " ")
  return run(place, "fish", "--no-config", "-c", ("source %s; complete -C %s")
    :format(t.quote(FOLDER .. "diaglab.fish"), t.quote(line))):gsub("\t[^\n]*", "")
end

-- What zsh knows of all completions, which takes it a second to find out.
local DUMP = os.tmpname()
-- zsh offers something only to somebody at a terminal, so it gets one; what it is
-- about to offer is printed as <word>.
local ZSH = [=[
zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z "PS1= PROMPT_EOL_MARK=; unsetopt zle_bracketed_paste; fpath=($2 \$fpath); autoload -Uz compinit"
[[ -s $3 ]] && known=-C
zpty -w z "compinit -u $known -d $3"
zpty -w z 'compadd() { local -a h; builtin compadd -O h "$@"; (($#h)) && print -l -- "<"$^h">"; builtin compadd "$@" }'
zpty -w z 'finish() { print "<"end">"; zle kill-buffer; }; zle -N finish; bindkey "^Xe" finish'
zpty -w z 'bindkey "^Xc" complete-word; print be""gin'
zpty -r -m z out '*begin*'
zpty -w -n z "$1"$'\C-xc\C-xe'
zpty -r -m z out '*<end>*'
print -r -- "${out%<end>*}" | grep -o '<[^<>]*>' | tr -d '<>'
zpty -d z
]=]

function shells.zsh(place, ...)
  local line = table.concat({ "diaglab", ... }, " ")
  local out = run(place, "zsh", "-f", "-c", ZSH, "zsh", line, FOLDER, DUMP)
  -- Of class=wait.lock it completes what follows.
  local before = line:match("(%S+=)%S*$")
  return before and out:gsub("[^\n]+", before .. "%0") or out
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

-- bash offers what follows the last =, fish the whole word.
local function after_sign(word) return (word:gsub("^[%w-]+=", "")) end

for _, shell in ipairs { "bash", "zsh", "fish" } do
  local function offers_in(place, wanted, ...)
    local set, n = {}, 0
    for word in shells[shell](place, ...):gmatch("[^\n]+") do
      word = after_sign(word):gsub("/$", "")
      if not set[word] then set[word], n = true, n + 1 end
    end
    local line = shell .. ": diaglab " .. table.concat({ ... }, " ")
    for _, word in ipairs(wanted) do t.check(set[word], ("%s: %s is offered"):format(line, word)) end
    t.equal(n, #wanted, line .. ": nothing else is offered")
  end
  local function offers(wanted, ...) offers_in(t.temp_dir(), wanted, ...) end

  local test = t.have(shell) and t.test or function(name)
    print(("skip %s: there is no %s"):format(name, shell))
  end
  test(shell .. ": verbs and flags are those of --help", function()
    local help = help_of()
    local verbs = verbs_of(help)
    offers(verbs, "")
    offers(flags_of(help), "--")
    for _, verb in ipairs(verbs) do offers(flags_of(help_of(verb)), verb, "--") end
  end)

  test(shell .. ": what has been typed is completed", function()
    offers({ "check", "classes" }, "c")
    offers({ "--jobs", "--json", "--junit" }, "test", "--j")
    offers({ "--runs" }, "test", "some-folder", "--run")
  end)

  test(shell .. ": steps and classes are those that the program has", function()
    offers({ "20", "21", "22", "23", "24", "25", "2" }, "--step", "2")
    offers({ "20", "21", "22", "23", "24", "25", "2" }, "--step=2")
    offers({ "10", "11", "12", "13", "14", "1" }, "repair", "1")
    offers({ "20.", "21.", "22.", "23.", "24.", "25.", "2." }, "--param", "2")
    offers({ "wait.dependency", "wait.lock" }, "new", "--class", "wait.")
    offers({ "wait.lock", "wait.loop" }, "answer", "class=wait.l")
    offers({ "wait.lock", "wait.loop" }, "classes", "wait.l")
    local dir = t.temp_dir()
    t.run(t.command { "cp", "-r", t.source .. "/scenarios/00-baseline", dir .. "/53-own" })
    offers({ "53" }, "--scenarios", dir, "--step", "5")
  end)

  test(shell .. ": files and folders are completed where one is expected", function()
    local dir = t.temp_dir()
    t.run(("mkdir %s/50-prices && touch %s/51-file"):format(dir, dir))
    offers_in(dir, { "50-prices" }, "check", "50")
    offers_in(dir, { "50-prices" }, "--scenarios", "5")
    offers_in(dir, { "50-prices", "51-file" }, "--log-file", "5")
  end)
end

t.test("bash knows whom the completion is for", function()
  local script = ("source %s; complete -p diaglab"):format(t.quote(FOLDER .. "diaglab.bash"))
  t.has(t.run(t.command { "bash", "-c", script }).out, "-F _diaglab diaglab")
end)

os.remove(DUMP)
t.finish()
