-- SPDX-License-Identifier: MIT
-- Reads the tree and takes C files apart: comments and strings go, and what is
-- left is split into functions, declarations, variables, macros, structs and
-- includes. It knows as much C as this project writes, not all of C.
--
-- A file is a table:
--   path, text, lines   as it is on disk; path is relative to the root
--   lang                "c", "lua", "shell", "python", "go", "js" or "cmake"
-- and a C file also has
--   code                text without comments, strings and # lines; each
--                       character taken out is a space, so offsets still fit
--   functions           {name, static, line, first, last} of each with a body
--   declarations        {name, static, line} of each function without a body
--   variables           {name, static, extern, line} outside of functions
--   macros              {name, line} of those that are called like functions
--   structs             {name, fields = {{name, private}}}
--   includes            {name, system, line, depth}; depth: in so many #if
--   balanced            false: its braces don't match, so the rest is wrong
local M = {}

local FOLDERS = "src include lua scenarios tests tools cmake .ci lab CMakeLists.txt"
local BY_EXTENSION = { c = "c", h = "c", lua = "lua", py = "python", go = "go",
  cmake = "cmake", sh = "shell" }
local BY_PROGRAM = { { "lua", "lua" }, { "python", "python" }, { "node", "js" },
  { "sh$", "shell" } }

local function read_file(path)
  local f = io.open(path, "rb")
  if not f then return nil end
  local text = f:read "a"
  f:close()
  return text
end

local function find_language(path, text)
  if path:match "CMakeLists%.txt$" then return "cmake" end
  local extension = path:match "%.(%w+)$"
  if extension then return BY_EXTENSION[extension] end
  local program = text:match "^#![^\n]-([%w.]+)\n"
  for _, rule in ipairs(program and BY_PROGRAM or {}) do
    if program:match(rule[1]) then return rule[2] end
  end
end

local function split_lines(text)
  local lines = {}
  for line in text:gmatch "([^\n]*)\n?" do lines[#lines + 1] = line end
  return lines
end

-- ---- C ----------------------------------------------------------------------

local function blank(text) return (text:gsub("[^\n]", " ")) end

-- Where the comment or literal that begins at I ends; nil: none begins there.
local function find_end(text, i)
  local two = text:sub(i, i + 1)
  if two == "/*" then
    return select(2, text:find("*/", i + 2, true)) or #text
  elseif two == "//" then
    return (text:find("\n", i, true) or #text + 1) - 1
  elseif two:sub(1, 1) == "/" then
    return nil
  end
  local at = i + 1
  while true do
    local p = text:find(two:sub(1, 1) == '"' and '["\\\n]' or "['\\\n]", at)
    if not p then return #text end
    if text:sub(p, p) ~= "\\" then return p end
    at = p + 2
  end
end

local function strip_comments(text)
  local out, from, at = {}, 1, 1
  while true do
    local i = text:find("[\"'/]", at)
    if not i then break end
    local last = find_end(text, i)
    if last then
      out[#out + 1] = text:sub(from, i - 1)
      out[#out + 1] = blank(text:sub(i, last))
      from = last + 1
    end
    at = (last or i) + 1
  end
  return table.concat(out) .. text:sub(from)
end

-- Calls f(directive, first line) for each # line with its continuations, and
-- returns the text without them.
local function take_directives(text, f)
  local out, number, lines = {}, 0, split_lines(text)
  while number < #lines do
    number = number + 1
    local line = lines[number]
    if line:match "^%s*#" then
      local first = number
      out[#out + 1] = blank(line)
      while line:match "\\$" and lines[number + 1] do
        number = number + 1
        line = line .. "\n" .. lines[number]
        out[#out + 1] = blank(lines[number])
      end
      f(line, first)
    else
      out[#out + 1] = line
    end
  end
  return table.concat(out, "\n") .. "\n"
end

local function read_directives(file, text)
  local depth = 0
  file.code = take_directives(text, function(directive, line)
    local word, rest = directive:match "^%s*#%s*(%a+)%s*(.*)"
    if word == "if" or word == "ifdef" or word == "ifndef" then
      depth = depth + 1
    elseif word == "endif" then
      depth = depth - 1
    elseif word == "include" then -- its name is a string: gone from the text
      local open, name = file.lines[line]:match '([<"])([^>"]+)'
      file.includes[#file.includes + 1] = { name = name, line = line,
        system = open == "<", depth = depth }
    elseif word == "define" and rest:match "^[%w_]+%(" then
      file.macros[#file.macros + 1] = { name = rest:match "^[%w_]+", line = line }
    end
  end)
end

local TYPE_WORDS = { struct = true, union = true, enum = true }

-- The names that a declaration without a function declares: "int a, *b[2]".
local function split_declarators(text)
  text = text:gsub("=.*", ""):gsub("%b[]", " "):gsub("_Atomic%s*%b()", "_Atomic ")
  local names = {}
  for piece in text:gmatch "[^,]+" do
    names[#names + 1] = piece:gsub(":%s*[%w_]+%s*$", ""):match "([%a_][%w_]*)%s*$"
  end
  return names
end

local function add_struct(file, chunk, first_line)
  local head, body = chunk:match "^([^{]*)(%b{})"
  if not head or head:match "=" or
    not (head:match "%f[%w]struct%f[%W]" or head:match "%f[%w]union%f[%W]") then
    return
  end
  local struct = { name = head:match "([%w_]+)%s*$", fields = {} }
  body = body:sub(2):gsub("enum[%s%w_]*%b{}", blank)
  local line, private = first_line + select(2, head:gsub("\n", "")), false
  local seen = line
  for field, stop in body:gmatch "([^;{}]*)([;{}])" do
    line = line + select(2, field:gsub("\n", ""))
    for i = seen, line do
      private = private or file.lines[i]:match "^%s*/%* [Pp]rivate" ~= nil
    end
    seen = line
    if stop == ";" and field:match "%S" then
      local names = { field:match "%(%s*%*%s*([%w_]+)%s*%)%s*%(" }
      for _, name in ipairs(names[1] and names or split_declarators(field)) do
        struct.fields[#struct.fields + 1] = { name = name, private = private }
      end
    end
  end
  file.structs[#file.structs + 1] = struct
end

local function scan_code(file)
  local code, line, counted = file.code, 1, 1
  local function line_at(offset) -- offsets only grow
    line = line + select(2, code:sub(counted, offset - 1):gsub("\n", ""))
    counted = math.max(counted, offset)
    return line
  end
  -- The place and the name of a function whose head, or declaration, this is.
  local function find_function(text)
    if text:match "^%s*typedef%f[%W]" or text:match "=" then return nil end
    text = text:gsub("__attribute__%s*%b()", blank)
    local type, at, name = text:match "^(.-)()([%a_][%w_]*)%s*%b()%s*$"
    if type and type:match "[%w_]" then
      return at, name, type:match "%f[%w_]static%f[^%w_]" ~= nil
    end
  end
  local function add_variables(text, first)
    text = text:gsub("%b{}", " "):gsub("__attribute__%s*%b()", " ")
    local word, rest = text:match "^%s*([%w_]+)%s*(.-)%s*$"
    if word == "typedef" or word == "_Static_assert" or
      TYPE_WORDS[word] and not rest:match "[^%w_]" then
      return -- a type, and nothing of that type
    end
    for _, name in ipairs(split_declarators(text)) do
      file.variables[#file.variables + 1] = { name = name, line = first,
        static = text:match "^%s*static%f[%W]" ~= nil,
        extern = text:match "^%s*extern%f[%W]" ~= nil }
    end
  end

  local depth, start, open = 0, 1, nil
  for p, c in code:gmatch "()([{};])" do
    if c == "{" then
      if depth == 0 then open = p end
      depth = depth + 1
    elseif c == "}" then
      depth = depth - 1
      local at, name, static
      if depth == 0 then at, name, static = find_function(code:sub(start, open - 1)) end
      if at then
        local first = line_at(code:find("%S", start))
        file.functions[#file.functions + 1] = { name = name, static = static,
          first = first, line = line_at(start + at - 1), last = line_at(p) }
        start = p + 1
      end
    elseif depth == 0 then
      local chunk = code:sub(start, p - 1)
      local at, name, static = find_function(chunk)
      if at then
        file.declarations[#file.declarations + 1] = { name = name,
          static = static, line = line_at(start + at - 1) }
      elseif chunk:match "%S" then
        local first = line_at(code:find("%S", start))
        add_struct(file, chunk:match "^%s*(.*)", first)
        add_variables(chunk, first)
      end
      start = p + 1
    end
  end
  file.balanced = depth == 0
end

local function read_c(file)
  file.functions, file.declarations, file.variables = {}, {}, {}
  file.macros, file.structs, file.includes = {}, {}, {}
  file.words = strip_comments(file.text)
  read_directives(file, file.words)
  scan_code(file)
end

-- ---- the tree ---------------------------------------------------------------

local function quote(word) return "'" .. word:gsub("'", "'\\''") .. "'" end

-- All source files below ROOT, by path, but for the one called EXCEPT.
function M.read_tree(root, except)
  local list <close> = assert(io.popen("cd " .. quote(root) .. " && set -- && for p in " ..
    FOLDERS .. "; do [ ! -e $p ] || set -- \"$@\" $p; done && " ..
    "if [ $# != 0 ]; then find \"$@\" -type f | LC_ALL=C sort; fi"))
  local files = {}
  for path in list:lines() do
    local text = read_file(root .. "/" .. path)
    local lang = text and path ~= except and find_language(path, text)
    if lang then
      local file = { path = path, text = text, lang = lang,
        lines = split_lines(text) }
      if lang == "c" then read_c(file) end
      files[#files + 1] = file
    end
  end
  return files
end

M.read_file, M.quote = read_file, quote
return M
