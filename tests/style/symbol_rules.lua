-- SPDX-License-Identifier: MIT
-- Rules on what files of src/ have from each other. A symbol is a function,
-- variable or macro that a header offers; a unit is a .c file with the header
-- of its name. Returns what structure_rules needs, too:
--   units     {name = "src/task/sched", module = "task"} by name
--   edges     [unit name][unit name] = {symbol, path, line}: the first use
local function unit_of(path) return (path:gsub("%.[ch]$", "")) end
local function module_of(path) return path:match "^src/([^/]+)/" or "diaglab" end
local function is_header(file) return file.path:match "%.h$" ~= nil end
local function is_source(file)
  return file.path:match "^src/" ~= nil or file.path:match "^include/" ~= nil
end

-- [name] = {declared = {place...}, defined = {place...}, inline}: place is
-- {file, line}. Statics of .c files are nobody else's business.
local function collect_symbols(files)
  local symbols = {}
  local function add(file, item, how)
    local symbol = symbols[item.name]
    if not symbol then
      symbol = { name = item.name, declared = {}, defined = {} }
      symbols[item.name] = symbol
    end
    table.insert(symbol[how], { file = file, line = item.line })
    return symbol
  end
  for _, file in ipairs(files) do
    local header = is_header(file)
    for _, f in ipairs(file.functions) do
      if header then add(file, f, "defined").inline = true
      elseif not f.static and f.name ~= "main" then add(file, f, "defined") end
    end
    for _, d in ipairs(header and file.declarations or {}) do
      if not d.static then add(file, d, "declared") end
    end
    for _, m in ipairs(header and file.macros or {}) do
      add(file, m, "defined").inline = true
    end
    for _, v in ipairs(file.variables) do
      if not v.static and (header or not v.extern) then
        add(file, v, v.extern and "declared" or "defined")
      end
    end
  end
  return symbols
end

-- Adds to symbol.uses {file, line} for each file that names the symbol where it
-- is neither declared nor defined.
local function collect_uses(files, symbols)
  for _, symbol in pairs(symbols) do
    symbol.uses, symbol.at = {}, {}
    for _, how in ipairs { "declared", "defined" } do
      for _, place in ipairs(symbol[how]) do
        symbol.at[place.file.path .. ":" .. place.line] = true
      end
    end
  end
  for _, file in ipairs(files) do
    local own, seen, number = {}, {}, 0
    for _, list in ipairs { file.functions, file.declarations, file.variables } do
      for _, item in ipairs(list) do
        if not is_header(file) and (item.static or list == file.declarations) then
          own[item.name] = item.static or own[item.name]
          if symbols[item.name] then
            symbols[item.name].at[file.path .. ":" .. item.line] = true
          end
        end
      end
    end
    for line in file.words:gmatch "([^\n]*)\n?" do
      number = number + 1
      for word in line:gmatch "[%a_][%w_]*" do
        local symbol = symbols[word]
        if symbol and not seen[word] and not own[word] and
          not symbol.at[file.path .. ":" .. number] then
          seen[word] = true
          table.insert(symbol.uses, { file = file, line = number })
        end
      end
    end
  end
end

-- Names that something besides C code calls: gdb's script.
local function collect_outside(files)
  local names = {}
  for _, file in ipairs(files) do
    if file.path:match "^tools/gdb/" then
      for word in file.text:gmatch "[%a_][%w_]*" do names[word] = true end
    end
  end
  return names
end

local function is_entry(symbol)
  for _, place in ipairs(symbol.declared) do
    if place.file.path:match "^include/" then return true end
  end
  return symbol.name:match "^__" ~= nil -- the linker's --wrap, sanitizers
end

-- Who uses it, beside the unit in which it is: units of src/, and tests.
local function count_users(symbol)
  local home, users, tests, inside = {}, 0, 0, false
  for _, place in ipairs(symbol.defined) do home[unit_of(place.file.path)] = true end
  for _, use in ipairs(symbol.uses) do
    if not is_source(use.file) then tests = tests + 1
    elseif is_header(use.file) or not home[unit_of(use.file.path)] then users = users + 1
    else inside = true end
  end
  return users, tests, inside
end

-- Files of one module may define a symbol twice, for builds of two kinds.
local function check_twin(symbol, report)
  local first = symbol.defined[1]
  for _, place in ipairs(symbol.defined) do
    if module_of(place.file.path) ~= module_of(first.file.path) then
      return report("twin-export", place.file.path, place.line, 1, ("%s is another " ..
        "function in %s:%d; give it a name of its own"):format(symbol.name,
        first.file.path, first.line), symbol.name)
    end
  end
end

local function check_symbol(symbol, outside, report)
  local name, declared, defined = symbol.name, symbol.declared[1], symbol.defined[1]
  local function say(rule, place, text)
    report(rule, place.file.path, place.line, 1, text:format(name), name)
  end
  if not defined then
    return say("not-defined", declared,
      "%s is declared, but nothing defines it; delete the declaration")
  elseif is_entry(symbol) then
    return
  end
  local users, tests, inside = count_users(symbol)
  if symbol.inline then
    if users + tests == 0 and not inside then
      say("unused", defined, "%s is used nowhere; delete it")
    end
  elseif not declared then
    say("not-declared", defined,
      "%s isn't static and no header declares it; make it static")
  elseif users == 0 and not outside[name] then
    if tests > 0 and inside then
      say("for-tests-only", defined, "%s is exported for tests only; test it " ..
        "through what others call, and make it static")
    elseif tests > 0 then
      say("for-tests-only", defined, "only tests use %s; delete it with its test")
    elseif inside then
      say("used-in-one-file", defined, "no other file uses %s; make it static " ..
        "and take it out of the header")
    else
      say("unused", defined, "%s is used nowhere; delete it")
    end
  end
end

-- A .c whose functions others use has a header of its name.
local function check_headers(files, symbols, report)
  local paths = {}
  for _, file in ipairs(files) do paths[file.path] = true end
  for _, file in ipairs(files) do
    local header = unit_of(file.path) .. ".h"
    for _, f in ipairs(is_source(file) and not paths[header] and file.functions or {}) do
      local symbol = not f.static and symbols[f.name]
      if symbol and symbol.declared[1] and not is_entry(symbol) then
        local where = symbol.declared[1].file.path
        report("no-own-header", file.path, f.line, 1, ("%s is declared in %s; make " ..
          "%s, for this file's functions"):format(f.name, where, header))
        break
      end
    end
  end
end

-- The units where a file of MODULE finds SYMBOL: its own module's, if any.
local function find_homes(symbol, module)
  local near, all = {}, {}
  for _, place in ipairs(symbol.defined) do
    local list = module_of(place.file.path) == module and near or all
    list[#list + 1] = unit_of(place.file.path)
  end
  return near[1] and near or all
end

local function collect_units(files, symbols)
  local units, edges = {}, {}
  for _, file in ipairs(files) do
    local name = unit_of(file.path)
    units[name] = { name = name, module = module_of(file.path) }
    edges[name] = {}
  end
  local names = {}
  for name in pairs(symbols) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    local symbol = symbols[name]
    for _, use in ipairs(symbol.uses) do
      local from = unit_of(use.file.path)
      for _, to in ipairs(units[from] and find_homes(symbol, units[from].module) or {}) do
        if to ~= from and not edges[from][to] then
          edges[from][to] = { symbol = name, path = use.file.path, line = use.line }
        end
      end
    end
  end
  return units, edges
end

return function(files, report)
  local sources, all = {}, {}
  for _, file in ipairs(files) do
    if file.lang == "c" then
      all[#all + 1] = file
      if is_source(file) then sources[#sources + 1] = file end
    end
  end
  local symbols, outside = collect_symbols(sources), collect_outside(files)
  collect_uses(all, symbols)
  for _, symbol in pairs(symbols) do
    check_twin(symbol, report)
    check_symbol(symbol, outside, report)
  end
  check_headers(sources, symbols, report)
  return collect_units(sources, symbols)
end
