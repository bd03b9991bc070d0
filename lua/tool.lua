-- SPDX-License-Identifier: MIT
-- Runs a student's tool, which may be missing, hang, or print anything.
--
-- tool.lua(host) -> tool
-- tool.start(words, seconds) -> run | nil, problem, is_missing
--   starts it; SECONDS later its time is over
-- run.wait([pattern]) -> true: until what it has printed matches (without one: until
--   it has ended); false: it has ended before; nil: its time was over
-- run.text                 what it has printed, to standard error, too; 1 MiB at most
-- run.stop([signal]) -> exit code
-- tool.run(words, seconds) -> seen: to its end. { missing = true }, { problem = text },
--   or { text =, code =, late = true if its time was over }
-- tool.clean(text) -> without what a terminal would obey, and as UTF-8
-- tool.quote(text) -> its last line that isn't empty, clean and short, for a message

local host = ...
local tool = {}

local TEXT_MAX = 1 << 20
local QUOTED_MAX = 100
local NO_SUCH_FILE = 2 -- errno

-- Tools speak English, open no browser, and ask nobody.
local VARIABLES = { "LC_ALL=C.UTF-8", "TERM=dumb", "PAGER=cat", "BROWSER=true", "DISPLAY=", "DEBUGINFOD_URLS=" }

-- ---- text ------------------------------------------------------------------------

local function nameByte(c) return ("\\x%02x"):format(c:byte()) end

function tool.clean(text)
  if not utf8.len(text) then text = text:gsub("[\128-\255]", nameByte) end
  return (text:gsub("\194[\128-\159]", function(c) return nameByte(c:sub(2)) end):gsub("[%c\127]", nameByte))
end

function tool.quote(text)
  local last = ""
  for line in text:sub(-4096):gmatch("[^\r\n]+") do
    if line:find("%S") then last = line end
  end
  last = last:match("^%s*(.-)%s*$")
  if #last > QUOTED_MAX then last = last:sub(1, utf8.offset(last, 0, QUOTED_MAX) - 1) .. "..." end
  return tool.clean(last)
end

-- ---- running ---------------------------------------------------------------------

function tool.start(words, seconds)
  local variables = { "PPROF_TMPDIR=" .. tool.folder, "TMPDIR=" .. tool.folder, table.unpack(VARIABLES) }
  local program, problem, number = host.start_program(words, variables)
  if not program then return nil, problem, number == NO_SUCH_FILE end
  local run, ends = { text = "" }, host.now() + seconds
  function run.wait(pattern)
    local over
    repeat
      if pattern and run.text:find(pattern) then return true end
      if over then return not pattern end
      local left = ends - host.now()
      if left <= 0 then return nil end
      local piece
      piece, over = program:read(left)
      if #run.text < TEXT_MAX then run.text = run.text .. piece end
    until false
  end
  function run.stop(signal)
    local code = program:stop(signal)
    host.end_strays()
    return code
  end
  return run
end

function tool.run(words, seconds)
  local run, problem, is_missing = tool.start(words, seconds)
  if not run then return is_missing and { missing = true } or { problem = problem } end
  local ended = run.wait()
  local code = run.stop()
  return { text = run.text, code = code, late = not ended }
end

return tool
