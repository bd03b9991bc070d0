-- SPDX-License-Identifier: MIT
-- What no document may do: hide commands from the test, mark too many as not to
-- be run, link to a file that isn't there, or (docs/architecture.md) name a file
-- or function that the source doesn't have. Prints the blocks that aren't run,
-- with their reasons. Checks the rules for shapes themselves, too.
--
--   lua5.4 check.lua FILE...      exits 0 or 1
local blocks = require "blocks"
local shape = require "shape"

local LIMIT = 12 -- blocks that aren't run, in all documents together

local problems, unrun, commands = 0, 0, 0

local function complain(format, ...)
  problems = problems + 1
  print(format:format(...))
end

-- Links and pictures, relative to the document.
local function check_links(path, text)
  local folder = path:match("^(.*/)") or ""
  for target in text:gsub("\n```.-\n```", ""):gmatch("%]%(([^)%s]+)%)") do
    local name = target:gsub("#.*", "")
    local file = not target:find("^%a+:") and name ~= "" and (io.open(folder .. name) or "missing")
    if file == "missing" then
      complain("%s: there is no %s", path, target)
    elseif file then
      file:close()
    end
  end
end

-- ---- names of the source -----------------------------------------------------

local function read_file(path)
  local file = io.open(path, "rb")
  local text = file and file:read("a")
  if file then file:close() end
  return text
end

-- Every word of the C and Lua sources.
local function collect_words()
  local words = {}
  local list <close> = assert(io.popen("find src lua -name '*.[ch]' -o -name '*.lua'"))
  for path in list:lines() do
    for word in read_file(path):gmatch("[%a_][%w_]*") do words[word] = true end
  end
  return words
end

-- What stands in backquotes: module/file.c, and names like lab_walk.
local function check_names(path, text)
  local words = collect_words()
  for name in text:gmatch("`([%w_./]+)`") do
    if name:find("^%l+/[%w_]+%.[ch]$") then
      if not read_file("src/" .. name) then complain("%s: there is no src/%s", path, name) end
    elseif (name:find("^[%a_]+_[%w_]+$") or name:find("^%l+%u%w*$")) and not words[name] then
      complain("%s: the source has no %s", path, name)
    end
  end
end

local function check_document(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("a")
  file:close()
  check_links(path, text)
  if path:find("architecture%.md$") then check_names(path, text) end
  local list = blocks.parse(text)
  for _, block in ipairs(list) do
    if blocks.hides_commands(block) then
      complain("%s:%d: commands outside of a ```console block are never tested", path, block.line)
    elseif block.reason then
      unrun = unrun + 1
      print(("%s:%d: not run: %s"):format(path, block.line, block.reason))
    elseif block.commands then
      commands = commands + #block.commands
      if #block.commands == 0 then complain("%s:%d: a console block without commands", path, block.line) end
    end
  end
end

-- { expected, printed, is it the same shape? }
local shapes = {
  { "     3.86s     4:  f(x)", "   .   4:  f(x)", true },
  { "     3.86s     4:  f(x)", "   .   4:  g(x)", false },
  { "     3.86s     4:  f(x)", "   4:  f(x)", false },
  { "     3.86s     4:  f(x)", "   .   5:  f(x)", false },
  { "  .   3.86s     12:f(x)", "  .   .  12:f(x)", true },
  { "  .   3.86s     12:f(x)", "  .   .  11:f(x)", false },
  { "2018/07/12 15:03:44 started 1", "2026/11/23 07:14:05 started 2", true },
  { "hello world (0.408997s)", "hello world (1s)", true },
  { "hello world", "hello world!", false },
  { "HeapIdle = 37384192", "HeapIdle = -0x4a", true },
  { "100% lab_hash_u64", "3.5% lab_hash_u32", false },
  { "#\t0x8000\tstep.f+0x6\t/a/b/scenario.lua:18", "# 0x9 step.f+0x12 scenario.lua:18", true },
  { "#\t0x8000\tstep.f+0x6\t/a/b/scenario.lua:18", "# 0x9 step.f+0x12 scenario.lua:7", false },
  { "#\t0x8000\tmain.f+0x6\t/a/b/main.lua:18", "# 0x9 main.f+0x12 main.lua:7", true },
  { " 4102 ... worker-1", " 99 root S 3.5 vm", false },
  { " 4102 ... worker-1", " 99 root S 3.5 worker-2", true },
  { "...", "", true },
  { "it goes on.", "it goes on.", true },
  { "it goes on.", "it goes off.", false },
}

for i, case in ipairs(shapes) do
  local same = #shape.missing({ case[1] }, "before\n" .. case[2] .. "\nafter") == 0
  if same ~= case[3] then complain("shape %d: %s and %s: %s", i, case[1], case[2], same) end
end
for _, path in ipairs(arg) do check_document(path) end
if unrun > LIMIT then complain("%d blocks are not run; %d may be", unrun, LIMIT) end
print(("%d documents: %d commands, %d blocks not run, %d problems"):format(#arg, commands, unrun, problems))
os.exit(problems == 0 and commands > 0)
