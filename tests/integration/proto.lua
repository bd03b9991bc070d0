-- SPDX-License-Identifier: MIT
-- profile.proto, decoded and judged strictly: apart from what `go tool pprof`
-- forgives. The rules are those of collectors that refuse a whole profile for
-- one wrong number: ids 1, 2, 3... in order, every reference in range, no empty
-- key, string 0 empty. To them come our own: one gzip member, one line per
-- location, no system_name, absolute file names.
--
--   proto.read(path)      -> profile, of a gzip'ed file; raises if it is wrong
--   proto.decode(bytes)   -> profile, of uncompressed bytes
--   proto.check(profile)  raises with what is wrong
--
-- A profile has the names of profile.proto: profile.sample[i].location_id[j],
-- .value[j], .label[j]; profile.mapping, location, function_, sample_type,
-- string_table (from 0). Numbers that were left out are 0. Beside them:
--   profile:text(i)       string i
--   profile:names(sample) -> names of its functions, the leaf first
--   profile:sum(k, f)     sum of value k over the samples for which f(names,
--                         sample) is true; without f, over all
--   proto.having(name...) such an f: the names are all in the stack
local shell = require "shell"

local proto = {}

-- ---- the wire format ------------------------------------------------------------

local function varint(s, at)
  local value, shift = 0, 0
  while true do
    local byte = s:byte(at)
    if not byte then error("truncated number") end
    value = value | (byte & 0x7f) << shift
    at, shift = at + 1, shift + 7
    if byte < 0x80 then return value, at end
    if shift >= 70 then error("number of more than 10 bytes") end
  end
end

local function packed(s, list)
  local at = 1
  while at <= #s do
    list[#list + 1], at = varint(s, at)
  end
end

-- kinds: "int", "string", "ints" (packed or not), or a message (repeated if
-- `many`), as { number = { name, kind, many } }.
local function message(s, fields)
  local m = {}
  for _, field in pairs(fields) do
    if field[2] == "int" then m[field[1]] = 0
    elseif field[2] == "ints" or field[3] then m[field[1]] = {} end
  end
  local at = 1
  while at <= #s do
    local tag, value
    tag, at = varint(s, at)
    local field, wire = fields[tag >> 3], tag & 7
    if wire == 0 then
      value, at = varint(s, at)
    elseif wire == 2 then
      local length
      length, at = varint(s, at)
      if at + length - 1 > #s then error("truncated field") end
      value, at = s:sub(at, at + length - 1), at + length
    else
      error("wire type " .. wire .. " is not used by profile.proto")
    end
    if not field then error("unknown field " .. (tag >> 3)) end
    local name, kind, many = table.unpack(field)
    if (kind == "int") ~= (wire == 0) and kind ~= "ints" then
      error("field " .. name .. " has wire type " .. wire)
    end
    if kind == "ints" then
      if wire == 2 then packed(value, m[name]) else table.insert(m[name], value) end
    else
      if type(kind) == "table" then value = message(value, kind) end
      if many then table.insert(m[name], value) else m[name] = value end
    end
  end
  return m
end

local value_type = { { "type", "int" }, { "unit", "int" } }
local label = { { "key", "int" }, { "str", "int" }, { "num", "int" }, { "num_unit", "int" } }
local sample = { { "location_id", "ints" }, { "value", "ints" }, { "label", label, true } }
local mapping = {
  { "id", "int" }, { "memory_start", "int" }, { "memory_limit", "int" }, { "file_offset", "int" },
  { "filename", "int" }, { "build_id", "int" }, { "has_functions", "int" },
  { "has_filenames", "int" }, { "has_line_numbers", "int" }, { "has_inline_frames", "int" },
}
local line = { { "function_id", "int" }, { "line", "int" } }
local location = {
  { "id", "int" }, { "mapping_id", "int" }, { "address", "int" }, { "line", line, true },
  { "is_folded", "int" },
}
local function_ = {
  { "id", "int" }, { "name", "int" }, { "system_name", "int" }, { "filename", "int" },
  { "start_line", "int" },
}
local profile = {
  { "sample_type", value_type, true }, { "sample", sample, true }, { "mapping", mapping, true },
  { "location", location, true }, { "function_", function_, true },
  { "string_table", "string", true }, { "drop_frames", "int" }, { "keep_frames", "int" },
  { "time_nanos", "int" }, { "duration_nanos", "int" }, { "period_type", value_type },
  { "period", "int" }, { "comment", "ints" }, { "default_sample_type", "int" },
}

-- ---- a decoded profile ------------------------------------------------------------

local methods = {}
methods.__index = methods

function methods:text(i) return self.string_table[i + 1] end

function methods:names(s)
  local names = {}
  for i, id in ipairs(s.location_id) do
    names[i] = self:text(self.function_[self.location[id].line[1].function_id].name)
  end
  return names
end

function methods:sum(k, f)
  local sum = 0
  for _, s in ipairs(self.sample) do
    if not f or f(self:names(s), s) then sum = sum + s.value[k] end
  end
  return sum
end

function proto.decode(bytes)
  return setmetatable(message(bytes, profile), methods)
end

-- ---- the judge ----------------------------------------------------------------

local function wrong(format, ...) error(format:format(...), 0) end

local function check_text(p, i, what)
  if i < 0 or i >= #p.string_table then wrong("%s is string %d of %d", what, i, #p.string_table) end
  return p:text(i)
end

local function check_name(p, i, what)
  if check_text(p, i, what) == "" then wrong("%s is empty", what) end
end

local function check_ids(list, what)
  for i, item in ipairs(list) do
    if item.id ~= i then wrong("%s %d has id %d", what, i, item.id) end
  end
end

local function check_strings(p)
  if p.string_table[1] ~= "" then wrong("string 0 is not empty") end
  local seen = {}
  for i, s in ipairs(p.string_table) do
    if seen[s] then wrong("string %d is there twice: %q", i - 1, s) end
    if not utf8.len(s) then wrong("string %d is not UTF-8: %q", i - 1, s) end
    seen[s] = true
  end
end

local function check_types(p)
  if #p.sample_type == 0 then wrong("no sample type") end
  local types = { [""] = true }
  for _, t in ipairs(p.sample_type) do
    check_name(p, t.type, "a sample type")
    check_name(p, t.unit, "a sample type's unit")
    types[p:text(t.type)] = true
  end
  check_name(p, p.period_type.type, "the period's type")
  check_name(p, p.period_type.unit, "the period's unit")
  if not types[check_text(p, p.default_sample_type, "default_sample_type")] then
    wrong("the default sample type %q is none", p:text(p.default_sample_type))
  end
  if p.period < 0 then wrong("period %d", p.period) end
  if p.time_nanos <= 0 then wrong("time %d", p.time_nanos) end
  if p.duration_nanos < 0 then wrong("duration %d", p.duration_nanos) end
end

local function check_mappings(p)
  check_ids(p.mapping, "mapping")
  if #p.mapping == 0 then wrong("no mapping") end
  for i, m in ipairs(p.mapping) do
    check_name(p, m.filename, "a mapping's file")
    check_text(p, m.build_id, "a build id")
    if not math.ult(m.memory_start, m.memory_limit) then wrong("mapping %d is empty", i) end
    if m.has_functions ~= 1 then wrong("mapping %d has no functions", i) end
  end
  if not check_text(p, p.mapping[1].build_id, "build id"):find("^%x+$") then
    wrong("the executable has no build id")
  end
end

local function check_functions(p)
  check_ids(p.function_, "function")
  local seen = {}
  for i, f in ipairs(p.function_) do
    check_name(p, f.name, "a function's name")
    if f.system_name ~= 0 then wrong("function %d has a system_name", i) end
    local file = check_text(p, f.filename, "a function's file")
    if file ~= "" and file:sub(1, 1) ~= "/" then wrong("file name %q is not absolute", file) end
    if f.start_line < 0 then wrong("function %d starts at line %d", i, f.start_line) end
    local key = f.name .. ":" .. f.filename .. ":" .. f.start_line
    if seen[key] then wrong("function %s is there twice", p:text(f.name)) end
    seen[key] = true
  end
end

local function check_locations(p)
  check_ids(p.location, "location")
  for i, l in ipairs(p.location) do
    if l.mapping_id < 0 or l.mapping_id > #p.mapping then wrong("location %d: mapping", i) end
    local m = p.mapping[l.mapping_id]
    if m and (math.ult(l.address, m.memory_start) or not math.ult(l.address, m.memory_limit)) then
      wrong("location %d lies outside its mapping", i)
    end
    if #l.line ~= 1 then wrong("location %d has %d lines", i, #l.line) end
    local id = l.line[1].function_id
    if id < 1 or id > #p.function_ then wrong("location %d: function %d", i, id) end
    local start = p.function_[id].start_line
    if l.line[1].line < 0 or (l.line[1].line > 0 and l.line[1].line < start) then
      wrong("location %d is at line %d of %s, which starts at %d", i, l.line[1].line,
        p:text(p.function_[id].name), start)
    end
  end
end

local function check_label(p, l)
  check_name(p, l.key, "a label's key")
  check_text(p, l.str, "a label's value")
  check_text(p, l.num_unit, "a label's unit")
  if l.str ~= 0 and l.num ~= 0 then wrong("a label is both text and number") end
end

local function check_samples(p)
  local seen = {}
  for i, s in ipairs(p.sample) do
    if #s.value ~= #p.sample_type then wrong("sample %d has %d values", i, #s.value) end
    if #s.location_id == 0 then wrong("sample %d has no stack", i) end
    for _, id in ipairs(s.location_id) do
      if id < 1 or id > #p.location then wrong("sample %d: location %d", i, id) end
    end
    local key = table.concat(s.location_id, ",")
    for _, l in ipairs(s.label) do
      check_label(p, l)
      key = ("%s;%d=%d,%d"):format(key, l.key, l.str, l.num)
    end
    if seen[key] then wrong("samples %d and %d are the same", seen[key], i) end
    seen[key] = i
  end
end

function proto.check(p)
  check_strings(p)
  check_types(p)
  check_mappings(p)
  check_functions(p)
  check_locations(p)
  check_samples(p)
end

function proto.having(...)
  local wanted = { ... }
  return function(names)
    local there = {}
    for _, name in ipairs(names) do there[name] = true end
    for _, name in ipairs(wanted) do
      if not there[name] then return false end
    end
    return true
  end
end

-- ---- gzip ---------------------------------------------------------------------

-- Some readers look at the last 4 bytes for the size: that is the whole only if
-- there is one member.
local function check_gzip(bytes, size)
  if bytes:sub(1, 3) ~= "\x1f\x8b\x08" then wrong("not gzip") end
  if ("<I4"):unpack(bytes, #bytes - 3) ~= size then wrong("more than one gzip member") end
end

function proto.read(path)
  local plain = shell.run("gzip -dc < " .. shell.quote(path))
  if plain.code ~= 0 then error("gzip: " .. plain.err) end
  check_gzip(shell.read(path), #plain.out)
  local p = proto.decode(plain.out)
  proto.check(p)
  return p
end

return proto
