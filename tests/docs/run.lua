-- SPDX-License-Identifier: MIT
-- Executes the commands of a document, in order, in one shell and with one lab,
-- and compares the shape of what they print with what the document says.
-- docs/authoring.md has the rules.
--
--   lua5.4 run.lua FILE        exits 0, 1, or 77 where a tool is missing
--
-- Environment: DIAGLAB, SOURCE_DIR, and LUA_PATH for tests/docs and
-- tests/integration.
local shell = require "shell"
local blocks = require "blocks"
local session = require "session"
local shape = require "shape"

local FILE = assert(arg[1], "which document?")
local SOURCE = os.getenv("SOURCE_DIR")
local SECONDS = 2 -- what a profile may take; the text says 5 or 30
local MOST = 40 -- on a machine that is busy with something else
local PATIENCE = 300 -- a busy machine takes long, but it gets there
-- Step 2 takes five seconds per request, which is long for a test.
local FLAGS = "--listen 127.0.0.1:0 --param 2.seconds=2"

-- ---- a reader's place ---------------------------------------------------------

-- The checkout as a reader has it, but ./lab run starts the program under test.
local LAB = ([[#!/bin/sh
if [ "$1" = run ]; then
  shift
  case ${1:-} in
  "" | -*) exec "$DIAGLAB" %s "$@" ;;
  *) exec "$DIAGLAB" "$@" ;; # a verb
  esac
fi
if [ "$1" = load ]; then exec "$DIAGLAB" "$@"; fi
exec "$SOURCE_DIR/lab" "$@"
]]):format(FLAGS)

local function make_place()
  local dir = shell.temp_dir()
  shell.run(("ln -s %s/* %s && rm %s/lab"):format(shell.quote(SOURCE), dir, dir))
  shell.write(dir .. "/lab", LAB)
  shell.run("chmod +x " .. dir .. "/lab")
  -- On a terminal curl shows no progress; here it would write it before the answer's first line.
  shell.write(dir .. "/.curlrc", "no-progress-meter\n")
  return dir
end

local function environment(dir)
  return {
    DIAGLAB = os.getenv("DIAGLAB"), SOURCE_DIR = SOURCE, TMPDIR = dir, PPROF_TMPDIR = dir, CURL_HOME = dir,
    BROWSER = "true", DISPLAY = "", TERM = "dumb", LC_ALL = "C.UTF-8", COLUMNS = "160",
  }
end

local reader = { problems = 0, skipped = 0, done = 0 }

function reader:port_from(log)
  local give_up = shell.now() + PATIENCE
  repeat
    local port = log():match("HTTP server started on %S*:(%d+)%s")
    if port then
      self.port, self.log = tonumber(port), log
      return
    end
    shell.sleep(0.02)
  until shell.now() > give_up
  error("the lab doesn't start: " .. log(), 0)
end

-- How many times longer than its CPU time a computation takes here and now.
local function slowness()
  local cpu, began = os.clock(), shell.now()
  while os.clock() < cpu + 0.1 do end
  return math.max(1, (shell.now() - began) / 0.1)
end

-- Those that a profile takes, instead of N: longer where it shall show work and
-- the machine is busy.
local function profile_seconds(n, expected)
  local idle = table.concat(expected, "\n"):find("Total samples = 0", 1, true)
  return math.ceil(math.min(math.min(n, SECONDS) * (idle and 1 or slowness()), MOST))
end

-- What a reader has on port 6060 has a free one here; pprof's pages likewise.
function reader:adapt(text, expected)
  local command, port = text, self.port or 6060
  command = command:gsub("%f[%d]6060%f[%D]", port)
  command = command:gsub(":90(%d%d)%f[%D]", function(n)
    return (":%d"):format(20000 + port % 1200 * 10 + tonumber(n) % 10)
  end)
  return (command:gsub("(seconds\\?=)(%d+)", function(is, n)
    return is .. profile_seconds(tonumber(n), expected)
  end))
end

function reader:complain(line, format, ...)
  self.problems = self.problems + 1
  print(("%s:%d: %s"):format(FILE, line, format:format(...)))
end

-- ---- commands -----------------------------------------------------------------

function reader:judge(command, output)
  local missing = shape.missing(command.expected, output)
  if #missing == 0 then return true end
  self:complain(command.line, "%s\n  doesn't print\n    %s\n  but\n    %s", command.text,
    table.concat(missing, "\n    "), (output:sub(1, 6000):gsub("\n", "\n    ")))
  return false
end

function reader:execute(command)
  local output, code = self.session:run(self:adapt(command.text, command.expected), PATIENCE)
  self.done = self.done + 1
  if not output then
    error(("%s:%d: %s has not ended after %d s"):format(FILE, command.line, command.text, PATIENCE), 0)
  elseif code ~= 0 then
    self:complain(command.line, "%s\n  ended with %d:\n%s", command.text, code, output)
  else
    self:judge(command, output)
  end
end

-- A command that doesn't end by itself: until it has printed what it should.
function reader:stay(command)
  local output = self.session:stay(self:adapt(command.text, command.expected))
  self.done = self.done + 1
  if command.text:find("^%./lab run") then self:port_from(output) end
  local give_up = shell.now() + PATIENCE
  while #shape.missing(command.expected, output()) > 0 and shell.now() < give_up do
    shell.sleep(0.05)
  end
  self:judge(command, output())
end

-- What a block asks for by a word after `console`, and how to find out.
local probes = {
  -- A build for sanitizers would make terabytes of a core.
  ptrace = "! grep -qE '__(asan|tsan)_init' \"$DIAGLAB\" || exit 1; sleep 5 & p=$!; timeout 2 strace -p $p 2>&1 | grep -q attached; s=$?; kill $p; exit $s",
  -- Not to /dev/null: perf renames its old file, and root may.
  perf = "f=$(mktemp) && perf record -o $f -e cpu-clock true; r=$?; rm -f $f $f.old; exit $r",
  chromium = "command -v chromium",
  -- Since glibc 2.41 it needs no system call, if the kernel is new enough.
  ["getrandom-call"] = "test \"$(printf '2.41\\n%s\\n' \"$(ldd --version | sed -n '1s/.* //p')\" | "
    .. "sort -V | head -n 1)\" != 2.41",
  -- These convert our traces, and get two of the profiles wrong.
  ["go-traces"] = "! go version | grep -qE 'go1[.]2[345]([^0-9]|$)'",
}

local function lacks(block)
  for word in pairs(block.words) do
    if word ~= "stays" then
      local probe = probes[word] or error(("%s:%d: no such word: %s"):format(FILE, block.line, word), 0)
      if shell.run(("sh -c %s"):format(shell.quote(probe))).code ~= 0 then return word end
    end
  end
end

function reader:console(block)
  local what = block.reason or lacks(block)
  if what then
    self.skipped = self.skipped + 1
    print(("%s:%d: not run: %s"):format(FILE, block.line, what))
    return
  end
  for i, command in ipairs(block.commands) do
    local last = i == #block.commands
    if last and block.words.stays then self:stay(command) else self:execute(command) end
  end
end

-- ---- other blocks -------------------------------------------------------------

-- "log": lines that the lab has written.
function reader:read_log(block)
  local give_up = shell.now() + PATIENCE
  while #shape.missing(block.body, self.log()) > 0 and shell.now() < give_up do shell.sleep(0.05) end
  self:judge({ line = block.line, text = "the lab's log", expected = block.body }, self.log())
end

-- "lua FILE": the reader saves it under that name.
function reader:save(block)
  shell.write(self.place .. "/" .. block.file, table.concat(block.body, "\n") .. "\n")
end

-- "./lab run answer" is a verb, and no lab.
local function starts_lab(list)
  for _, block in ipairs(list) do
    for _, command in ipairs(block.commands or {}) do
      local flags = command.text:match("^%./lab run *(.*)")
      if not block.reason and flags and not flags:find("^%a") then return true end
    end
  end
end

function reader:read(list)
  self.place = make_place()
  self.session = session.start(self.place, environment(self.place))
  if not starts_lab(list) then self:port_from(self.session:stay("./lab run")) end
  for _, block in ipairs(list) do
    if block.language == "console" then
      self:console(block)
    elseif block.language == "log" then
      self:read_log(block)
    elseif block.language == "lua" and block.file then
      self:save(block)
    end
  end
end

for _, tool in ipairs { "bash", "curl", "go", "lsof", "ps" } do
  if not shell.have(tool) then
    print("skipped: there is no " .. tool)
    shell.clean()
    os.exit(77)
  end
end
local list = blocks.parse(assert(shell.read(FILE), "can't read " .. FILE))
local ok, problem = pcall(reader.read, reader, list)
if not ok then
  reader.problems = reader.problems + 1
  print(problem)
end
if reader.session then reader.session:close() end
if reader.problems > 0 and reader.log then print("--- the lab's log\n" .. reader.log():sub(-3000)) end
shell.clean()
print(("%s: %d commands run, %d blocks not run, %d problems"):format(FILE, reader.done, reader.skipped,
  reader.problems))
os.exit(reader.problems == 0 and reader.done > 0)
