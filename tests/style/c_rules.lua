-- SPDX-License-Identifier: MIT
-- Rules on C files, one at a time: functions, calls, headers, includes.
local MOST_LINES = 60
local MOST_DECLARED = 20
local BANNED = {
  sprintf = "it can write past the end; use snprintf",
  vsprintf = "it can write past the end; use vsnprintf",
  strcpy = "it can write past the end; use snprintf, or memcpy with the length",
  strcat = "it can write past the end; use snprintf",
  strncpy = "it may leave the 0 out; use snprintf, or memcpy with the length",
  strtok = "it has one state for all threads; use strcspn or strchr",
  atoi = "it doesn't tell errors; use strtol and check the end",
  atol = "it doesn't tell errors; use strtol and check the end",
  gets = "it can write past the end; use fgets",
  alloca = "it can use up the stack; use an array of fixed size or the heap",
  system = "it runs a shell; use posix_spawn or uv_spawn",
  uv_queue_work = "nobody counts the pool's threads; use lab_work_begin",
  uv_getaddrinfo = "nobody counts the pool's threads; use lab_http_lookup_begin",
}

local function is_source(file) return file.path:match "^src/" ~= nil end
local function is_header(file) return file.path:match "%.h$" ~= nil end
local function is_public(file)
  return is_source(file) or file.path:match "^include/" ~= nil
end

local function check_functions(file, report)
  for _, f in ipairs(file.functions) do
    local length = f.last - f.first + 1
    if length > MOST_LINES then
      report("function-length", file.path, f.line, length,
        ("%s has %d lines, %d at most; give a part of it a name of its own")
        :format(f.name, length, MOST_LINES), file.path .. ": " .. f.name)
    end
    if f.static and is_source(file) and not f.name:match "%w_+%w" then
      report("one-word-static", file.path, f.line, 1, ("the static function %s " ..
        "is called by one word; give it a verb and a noun"):format(f.name))
    end
  end
end

local function check_calls(file, report)
  local number = 0
  for line in file.words:gmatch "([^\n]*)\n" do
    number = number + 1
    for before, name in line:gmatch "(.?.?)%f[%w_]([%a_][%w_]*)%s*%(" do
      if BANNED[name] and not before:match "%.$" and before ~= "->" then
        report("banned-call", file.path, number, 1,
          ("%s: %s"):format(name, BANNED[name]))
      end
    end
  end
end

-- include/diaglab/diaglab.h: DIAGLAB_H; src/http/server.h: LAB_HTTP_SERVER_H.
local function guard_name(path)
  local name = path:gsub("^src/", "lab/"):gsub("^include/", "")
  name = name:gsub("^(%w+)/%1%.h$", "%1.h"):gsub("[^%w]", "_")
  return name:upper()
end

local function check_guard(file, report)
  local guard = guard_name(file.path)
  local number, name
  for i, line in ipairs(file.lines) do
    name = line:match "^#%s*ifndef%s+([%w_]+)"
    if name then number = i break end
  end
  local define = number and file.lines[number + 1]:match "^#%s*define%s+([%w_]+)"
  if name ~= guard or define ~= guard then
    report("include-guard", file.path, number or 1, 1,
      ("the include guard is not %s; begin with #ifndef and #define of it")
      :format(guard))
  end
end

local function check_declared(file, report)
  local names, count = {}, 0
  for _, d in ipairs(file.declarations) do
    if not names[d.name] then names[d.name], count = true, count + 1 end
  end
  if count > MOST_DECLARED then
    report("header-functions", file.path, 1, count,
      ("the header declares %d functions, %d at most; give each .c a header " ..
        "of its own"):format(count, MOST_DECLARED))
  end
end

local ORDER = "first the own header, then <system> headers, then " ..
  "\"module/...\", each sorted"

-- <system> headers may stand in several blocks, each of which is sorted.
local function check_includes(file, report, includes_own)
  local own = file.path:gsub("^%w+/", ""):gsub("%.c$", ".h")
  local top = is_header(file) and 1 or 0 -- its guard is an #if
  local rank, last
  for _, include in ipairs(file.includes) do
    local is_own = include.name == own and not include.system
    includes_own[file.path] = is_own or includes_own[file.path]
    if include.depth == top then
      local new_rank = is_own and 1 or include.system and 2 or 3
      local adjacent = (file.lines[include.line - 1] or ""):match "^#"
      local same_block = new_rank == rank and (adjacent or rank ~= 2)
      if rank and new_rank < rank or same_block and include.name < last then
        report("include-order", file.path, include.line, 1,
          ("%s is included after %s; %s"):format(include.name, last, ORDER))
      elseif rank and new_rank > rank and adjacent then
        report("include-order", file.path, include.line, 1, ("%s begins another " ..
          "kind of include; put an empty line before it"):format(include.name))
      end
      rank, last = new_rank, include.name
    end
  end
end

local function check_own_header(file, report, includes_own, paths)
  local header = file.path:gsub("%.c$", ".h")
  if header ~= file.path and paths[header] and not includes_own[file.path] then
    report("own-header-first", file.path, 1, 1, ("it doesn't include its own " ..
      "header; #include \"%s\" first"):format((header:gsub("^src/", ""))))
  end
end

-- Two static functions of one name can't be told apart in a profile.
local function check_twins(files, report)
  local places = {}
  for _, file in ipairs(files) do
    for _, f in ipairs(is_source(file) and not is_header(file) and file.functions or {}) do
      if f.static then
        places[f.name] = places[f.name] or {}
        table.insert(places[f.name], { file = file, line = f.line })
      end
    end
  end
  for name, list in pairs(places) do
    local first, second = list[1], list[2]
    if second and second.file ~= first.file then
      report("twin-static", second.file.path, second.line, #list,
        ("%d static functions are called %s, another one in %s:%d, and " ..
          "profiles add them up; give each a name of its own")
        :format(#list, name, first.file.path, first.line), name)
    end
  end
end

return function(files, report)
  local paths, includes_own, c_files = {}, {}, {}
  for _, file in ipairs(files) do
    paths[file.path] = true
    if file.lang == "c" then c_files[#c_files + 1] = file end
  end
  for _, file in ipairs(c_files) do
    if not file.balanced then
      report("unreadable", file.path, 1, 1, "its braces don't match, so its " ..
        "functions weren't checked; keep both in one branch of an #if")
    end
    check_functions(file, report)
    check_calls(file, report)
    if is_public(file) then
      if is_header(file) then
        check_guard(file, report)
        check_declared(file, report)
      end
      check_includes(file, report, includes_own)
      check_own_header(file, report, includes_own, paths)
    end
  end
  check_twins(c_files, report)
end
