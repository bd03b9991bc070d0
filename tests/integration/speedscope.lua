-- SPDX-License-Identifier: MIT
-- The rules by which speedscope 1.25 reads Chrome's trace events, told from how
-- it behaves:
--
--   speedscope.read(json)  -> rows, complaints
--
-- Times are doubles, from which the least of all is taken. A slice X is a begin
-- and an end. Begins and ends are sorted by time; at the same time an end comes
-- first, unless it is the end of just what begins. An end must be that of the
-- innermost open slice, by its name. A name is the event's name and its args.
-- rows["pid/tid"] is a list of { name =, from =, to =, depth = }, in order.
local speedscope = {}

-- One event per line, as the lab writes them.
local function events_of(text)
  local events, first = {}, math.huge
  for line in text:gmatch("\n({[^\n]*})") do
    local ph, pid, tid = line:match('^{"ph":"(%a)","pid":(%d+),"tid":(%d+)')
    if ph == "X" or ph == "B" or ph == "E" then
      local e = {
        ph = ph, row = pid .. "/" .. tid, ts = tonumber(line:match('"ts":([%d.]+)')),
        name = line:match('"name":("[^"\\]*")') or line:match('"name":("[^"\\]*\\.-[^\\]")[,}]'),
        dur = tonumber(line:match('"dur":([%d.]+)')) or 0, args = line:match('"args":({.*})') or "",
      }
      assert(e.ts and e.name, line)
      first = math.min(first, e.ts)
      events[#events + 1] = e
    end
  end
  for _, e in ipairs(events) do e.ts = e.ts - first end
  return events
end

-- Sorted, and equal ones in the order in which they were.
local function sort(list, less)
  for i, item in ipairs(list) do item.place = i end
  table.sort(list, function(a, b)
    if less(a, b) then return true end
    return not less(b, a) and a.place < b.place
  end)
end

local function by_time(a, b) return a.ts < b.ts end
local function longest_first(a, b) return a.ts < b.ts or (a.ts == b.ts and a.dur > b.dur) end

local function queues_of(events)
  local begins, ends, whole = {}, {}, {}
  for _, e in ipairs(events) do
    e.key = e.name .. e.args
    table.insert(e.ph == "B" and begins or e.ph == "E" and ends or whole, e)
  end
  sort(whole, longest_first)
  for _, e in ipairs(whole) do
    begins[#begins + 1] = { ts = e.ts, key = e.key, name = e.name }
    ends[#ends + 1] = { ts = e.ts + e.dur, key = e.key, name = e.name }
  end
  sort(begins, by_time)
  sort(ends, by_time)
  return begins, ends
end

local function read_row(row, events, complaints)
  local begins, ends = queues_of(events)
  local slices, open, b, e = {}, {}, 1, 1
  local function complain(text, ...)
    complaints[#complaints + 1] = row .. ": " .. text:format(...)
  end
  while begins[b] or ends[e] do
    local from, to = begins[b], ends[e]
    if from and (not to or from.ts < to.ts or (from.ts == to.ts and from.key == to.key)) then
      b = b + 1
      local slice = { name = from.name, key = from.key, from = from.ts, depth = #open }
      open[#open + 1] = slice
      slices[#slices + 1] = slice
    else
      e = e + 1
      local top = open[#open]
      if not top then
        complain("%s ends at %.17g, but nothing is open", to.key, to.ts)
      elseif top.name ~= to.name or top.key ~= to.key then
        complain("%s ends at %.17g, but %s is open", to.key, to.ts, top.key)
      else
        top.to = to.ts
        open[#open] = nil
      end
    end
  end
  for _, slice in ipairs(open) do complain("%s is left open", slice.key) end
  return slices
end

function speedscope.read(text)
  local by_row, rows, complaints = {}, {}, {}
  for _, e in ipairs(events_of(text)) do
    by_row[e.row] = by_row[e.row] or {}
    table.insert(by_row[e.row], e)
  end
  for row, events in pairs(by_row) do rows[row] = read_row(row, events, complaints) end
  return rows, complaints
end

return speedscope
