-- SPDX-License-Identifier: MIT
-- Rules on lines, for source files of all languages.
local COMMENT = { c = "^%s*/?%*+", lua = "^%s*%-%-+", shell = "^%s*#+",
  python = "^%s*[#\"]+", go = "^%s*//+", js = "^%s*//+", cmake = "^%s*#+" }
local COLUMNS = { c = 80, lua = 120 }
local MOST_LINES = 500

-- Written in two parts, so that this file has none of them.
local LEFT_OVERS = { "TO" .. "DO", "FIX" .. "ME", "X" .. "XX", "HA" .. "CK",
  "not " .. "implemented", "place" .. "holder" }
local MACHINE_PATHS = { "/ho" .. "me/", "/wo" .. "rk/", "/ro" .. "ot/", "/t" .. "mp/" }

local function check_length(file, report)
  if COLUMNS[file.lang] and #file.lines > MOST_LINES then
    report("file-length", file.path, #file.lines, #file.lines,
      ("the file has %d lines, %d at most; move a part that has a name of its " ..
        "own into a new file"):format(#file.lines, MOST_LINES))
  end
end

local function check_columns(file, report)
  local most = COLUMNS[file.lang]
  for number, line in ipairs(most and file.lines or {}) do
    local width = #line > most and utf8.len(line) or #line
    if width > most then
      report("line-length", file.path, number, 1,
        ("the line has %d columns, %d at most; wrap it"):format(width, most))
    end
  end
end

-- A search in the whole text first: most files have none of it.
local function check_white_space(file, report)
  local has_any = file.text:find "[^%S\n]%f[\n\0]" or file.text:find("\t", 1, true)
  for number, line in ipairs(has_any and file.lines or {}) do
    if line:match "%s$" then
      report("white-space", file.path, number, 1,
        "there is white space at the end of the line; delete it")
    end
    if file.lang == "c" and line:find("\t", 1, true) then
      report("white-space", file.path, number, 1,
        "there is a tab; indent with spaces, and write \\t in a string")
    end
  end
  if file.text ~= "" and file.text:sub(-1) ~= "\n" then
    report("white-space", file.path, #file.lines, 1,
      "the last line has no newline at its end; add one")
  end
end

-- Whether the comment lines from line NUMBER on have two words at least.
local function says_something(file, number)
  local text = ""
  while file.lines[number] and file.lines[number]:match(COMMENT[file.lang]) do
    text = text .. " " .. file.lines[number]:gsub(COMMENT[file.lang], "")
    number = number + 1
  end
  return text:match "%a+[^%a]+%a+" ~= nil
end

-- Licence line and first comment. CMake's files have only the comment, and
-- scenarios neither: students read them as a part of the exercise.
local function check_first_lines(file, report)
  if file.path:match "^scenarios/" then return end
  local first = (file.lines[1] or ""):match "^#!" and 2 or 1
  if file.lang ~= "cmake" then
    if not (file.lines[first] or ""):match "SPDX%-License%-Identifier: MIT" then
      return report("licence", file.path, first, 1, "the licence is missing; " ..
        "begin the file with a comment, SPDX-License-Identifier: MIT")
    end
    first = first + 1
  end
  if not says_something(file, first) then
    report("first-comment", file.path, first, 1,
      "the file doesn't say what it is; add a comment at its top that does")
  end
end

-- Those of PATTERNS that are anywhere in the file: few are, and each would be looked
-- for in each line.
local function select_present(file, patterns)
  local present = {}
  for _, pattern in ipairs(patterns) do
    if file.text:find(pattern) then present[#present + 1] = pattern end
  end
  return present
end

local function check_left_overs(file, report)
  local words = select_present(file, LEFT_OVERS)
  local paths = file.path:match "^tests/" and {} or select_present(file, MACHINE_PATHS)
  if #words + #paths == 0 then return end
  for number, line in ipairs(file.lines) do
    for _, word in ipairs(words) do
      if line:find("%f[%w]" .. word .. "%f[%W]") then
        report("left-over", file.path, number, 1, ("a left-over mark, %s; do " ..
          "what it says, or delete it"):format(word))
      end
    end
    for _, path in ipairs(paths) do
      if (" " .. line):find("[^%w}_.*]" .. path) then
        report("machine-path", file.path, number, 1, ("a path of one machine, " ..
          "%s; ask the environment or the caller for it"):format(path))
      end
    end
  end
end

return function(files, report)
  for _, file in ipairs(files) do
    check_length(file, report)
    check_columns(file, report)
    check_white_space(file, report)
    check_first_lines(file, report)
    check_left_overs(file, report)
  end
end
