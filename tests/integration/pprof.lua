-- SPDX-License-Identifier: MIT
-- `go tool pprof` for tests: runs it and reads what it prints. A SOURCE is what
-- pprof takes: a URL or a file. Values are seconds, bytes, or plain counts.
--
--   pprof.run(source, flag...)   -> its text; raises with its message if it fails
--   pprof.top(source, flag...)   -> top
--     top.total                  the whole, as its header says, if it does
--     top.rows[i]                { flat =, flat_percent =, sum_percent =, cum =,
--                                  cum_percent =, name = }, the largest first
--     top[name]                  the row of a function, or nil
--   pprof.raw(source, flag...)   -> raw
--     raw.fields                 "Period", "Time", ... of its header
--     raw.types                  { "samples/count", "cpu/nanoseconds" }
--     raw.samples[i]             { values = {..}, stack = {..}, labels = {..} }:
--                                  stack holds locations, the leaf first; a label
--                                  is a list of texts or numbers
--     raw.locations[id]          { address =, mapping =, frames = { { name =,
--                                  file =, line = }, .. } }, inlined ones first
--     raw.mappings               the lines about mappings
--   pprof.names(sample)          -> the names of its functions, the leaf first
local shell = require "shell"

local pprof = {}

function pprof.run(source, ...)
  local words = { "go", "tool", "pprof", ... }
  words[#words + 1] = source
  -- It keeps a copy of what it fetched.
  local copies = "PPROF_TMPDIR=" .. shell.quote(shell.temp_dir()) .. " "
  local result = shell.run(copies .. shell.command(words))
  if result.code ~= 0 then
    error(("%s\nended with %d: %s"):format(table.concat(words, " "), result.code, result.err), 2)
  end
  return result.out, result.err
end

local units = {
  [""] = 1, ns = 1e-9, us = 1e-6, ["µs"] = 1e-6, ms = 1e-3, s = 1,
  min = 60, mins = 60, hr = 3600, hrs = 3600,
  B = 1, kB = 2 ^ 10, MB = 2 ^ 20, GB = 2 ^ 30, TB = 2 ^ 40,
}

-- "1.50s" -> 1.5, "512.19kB" -> 524482.56, "3" -> 3
local function value(text)
  local number, unit = text:match("^(%-?[%d.]+)(.*)$")
  local factor = number and units[unit]
  if not factor then error("pprof printed a value of an unknown unit: " .. text) end
  return tonumber(number) * factor
end

function pprof.parse_top(text)
  local top = { rows = {} }
  local total = text:match("of (%S+) total")
  top.total = total and value(total)
  for line in text:gmatch("[^\n]+") do
    local flat, flat_percent, sum_percent, cum, cum_percent, name =
      line:match("^%s*(%S+)%s+([%d.]+)%%%s+([%d.]+)%%%s+(%S+)%s+([%d.]+)%%%s+(.+)$")
    if flat then
      local row = {
        flat = value(flat), flat_percent = tonumber(flat_percent),
        sum_percent = tonumber(sum_percent),
        cum = value(cum), cum_percent = tonumber(cum_percent),
        name = (name:gsub(" %(partial%-inline%)$", ""):gsub(" %(inline%)$", "")),
      }
      top.rows[#top.rows + 1] = row
      top[row.name] = row
    end
  end
  return top
end

function pprof.top(source, ...)
  return pprof.parse_top((pprof.run(source, "-top", "-nodecount=100000", "-nodefraction=0", ...)))
end

-- ---- -raw ---------------------------------------------------------------------

-- One reader per part of the text; `raw` is what they fill.
local read = {}

function read.head(raw, line)
  local key, text = line:match("^(%w+): (.*)$")
  if key then raw.fields[key] = text end
end

function read.Samples(raw, line)
  local counts, ids = line:match("^%s*(%-?%d[%d%s%-]*): ([%d%s]*)$")
  if counts then
    local sample = { values = {}, stack = {}, labels = {} }
    for n in counts:gmatch("%-?%d+") do table.insert(sample.values, math.tointeger(n)) end
    for id in ids:gmatch("%d+") do table.insert(sample.stack, math.tointeger(id)) end
    table.insert(raw.samples, sample)
  elseif #raw.samples == 0 then
    for kind in line:gmatch("%S+") do table.insert(raw.types, (kind:gsub("%[dflt%]$", ""))) end
  else
    local labels = raw.samples[#raw.samples].labels
    for key, list in line:gmatch("([^%s:]+):%[([^%]]*)%]") do
      labels[key] = labels[key] or {}
      for word in list:gmatch("%S+") do table.insert(labels[key], tonumber(word) or word) end
    end
  end
end

local function frame(text)
  -- A pseudo function has spaces in its name, and no file: "[a b] :0 s=0". Since Go
  -- 1.21 there is a column behind the line.
  local name, file, line = text:match("^(.-) (%S*):(%d+):%d+ s=")
  if not name then name, file, line = text:match("^(.-) (%S*):(%d+)") end
  if file == "" then file, line = nil, nil end
  return { name = name or text:match("^%S+"), file = file, line = math.tointeger(line) }
end

function read.Locations(raw, line)
  local id, address, rest = line:match("^%s*(%d+): 0x(%x+) ?(.*)$")
  if id then
    raw.last = { address = tonumber(address, 16), frames = {} }
    raw.locations[math.tointeger(id)] = raw.last
    raw.last.mapping = math.tointeger((rest:match("^M=(%d+)")))
    rest = rest:gsub("^M=%d+ ?", "")
    if rest ~= "" then table.insert(raw.last.frames, frame(rest)) end
  else
    table.insert(raw.last.frames, frame(line:match("^%s*(.*)$")))
  end
end

function read.Mappings(raw, line)
  table.insert(raw.mappings, line)
end

function pprof.parse_raw(text)
  local raw = { fields = {}, types = {}, samples = {}, locations = {}, mappings = {} }
  local part = "head"
  for line in text:gmatch("[^\n]+") do
    local heading = line:match("^(%a+):?$")
    if heading and read[heading] then
      part = heading
    else
      read[part](raw, line)
    end
  end
  raw.last = nil
  for _, sample in ipairs(raw.samples) do
    for i, id in ipairs(sample.stack) do sample.stack[i] = raw.locations[id] end
  end
  return raw
end

function pprof.names(sample)
  local names = {}
  for _, location in ipairs(sample.stack) do
    for _, f in ipairs(location.frames) do names[#names + 1] = f.name end
  end
  return names
end

function pprof.raw(source, ...)
  return pprof.parse_raw((pprof.run(source, "-raw", ...)))
end

return pprof
