-- SPDX-License-Identifier: MIT
-- What diaglab test --evidence keeps of an exercise, to teach with it: of the program
-- with the fault and of the repaired one all profiles, a trace and the numbers, and a
-- picture that compares them.
--
-- kept.lua(host, parts) -> kept       parts: fields, measure
-- kept.write(dir, visits, report)
--   writes DIR/fault and DIR/fixed (KIND.pb.gz, trace.out, metrics-before.txt,
--   metrics-after.txt), DIR/numbers.txt and DIR/numbers.svg; what is there already is
--   replaced. VISITS: { fault = seen, fixed = seen or nil }; REPORT: prove.lua's.
-- kept.rows(visits) -> { { what, fault, fixed, unit } ... }     numbers

local host, parts = ...
local measure, sortedKeys = parts.measure, parts.fields.sortedKeys
local kept = {}

local ORDER = { "fault", "fixed" }

-- ---- files -----------------------------------------------------------------------

local function try(ok, message) return ok or error(message, 0) end

local function makeFolder(dir)
  if not host.exists(dir) then try(host.make_folder(dir)) end
end

-- As /metrics has them.
local function metricsText(metrics)
  local lines = {}
  for i, name in ipairs(sortedKeys(metrics)) do lines[i] = ("%s %.15g\n"):format(name, metrics[name]) end
  return table.concat(lines)
end

local function writeVisit(dir, seen)
  makeFolder(dir)
  for _, kind in ipairs(sortedKeys(seen.profiles)) do
    if kind ~= "heap.alloc" then -- the heap profile has that, too
      try(host.write_over(("%s/%s.pb.gz"):format(dir, kind), seen.profiles[kind]:bytes()))
    end
  end
  if seen.trace then try(host.write_over(dir .. "/trace.out", seen.trace)) end
  try(host.write_over(dir .. "/metrics-before.txt", metricsText(seen.before.metrics)))
  try(host.write_over(dir .. "/metrics-after.txt", metricsText(seen.after.metrics)))
end

-- ---- numbers ---------------------------------------------------------------------

-- What one sees from outside, for any exercise: { name, unit, of a visit }.
local function changeOf(name)
  return function(seen) return (seen.after.metrics[name] or 0) - (seen.before.metrics[name] or 0) end
end

local function atEnd(name) return function(seen) return seen.after.metrics[name] end end

local OUTSIDE = {
  { "requests per second", nil, function(seen) return seen.requests / math.max(seen.elapsed, 1e-9) end },
  { "latency, p50", "seconds", function(seen) return seen.latency.p50 end },
  { "latency, p99", "seconds", function(seen) return seen.latency.p99 end },
  { "requests without an answer", nil, function(seen) return seen.statuses.none or 0 end },
  { "CPU time per request", "seconds", function(seen)
    return changeOf("process_cpu_seconds_total")(seen) / math.max(1, seen.requests)
  end },
  { "memory after the load (RSS)", "bytes", atEnd "process_resident_memory_bytes" },
  { "tasks after the load", nil, atEnd "go_goroutines" },
  { "descriptors of the step after the load", nil, atEnd "diaglab_step_open_fds" },
}

function kept.rows(visits)
  local rows = {}
  for i, item in ipairs(OUTSIDE) do
    rows[i] = { item[1], visits.fault and item[3](visits.fault), visits.fixed and item[3](visits.fixed), item[2] }
  end
  return rows
end

-- ---- the tables ------------------------------------------------------------------

local function show(x, unit) return x and measure.show(x, unit) or "-" end

local function numbersText(name, rows, report)
  local out = { ("%s: %s\n\n%-42s %14s %14s\n"):format(name, report.verdict or "-", "what one sees from outside",
    "fault", "repaired") }
  for _, row in ipairs(rows) do
    out[#out + 1] = ("%-42s %14s %14s\n"):format(row[1], show(row[2], row[4]), show(row[3], row[4]))
  end
  for _, row in ipairs(report.sentences) do
    out[#out + 1] = ("\n%s\n  holds: %s\n  fault: %s\n  repaired: %s\n"):format(row.text, row.verdict, row.fault or "-",
      row.fixed or "-")
  end
  return table.concat(out)
end

local BAR, LEFT, LINE, WIDTH = 300, 300, 22, 720 -- pixels
local COLORS = { "#c0392b", "#2980b9" }

local function escape(text) return (text:gsub("[&<>\"]", { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;",
  ['"'] = "&quot;" })) end

local function textAt(x, y, text, more)
  return ('<text x="%d" y="%d"%s>%s</text>\n'):format(x, y, more or "", escape(text))
end

-- Two bars for each row, the longer one of full length.
local function numbersSvg(name, rows)
  local height = 40 + #rows * 2 * LINE
  local out = { ('<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" ' ..
    'font-size="13">\n<rect width="100%%" height="100%%" fill="white"/>\n'):format(WIDTH, height),
    textAt(10, 22, name, ' font-weight="bold"'), textAt(LEFT, 22, "with the fault", (' fill="%s"'):format(COLORS[1])),
    textAt(LEFT + 110, 22, "repaired", (' fill="%s"'):format(COLORS[2])) }
  for i, row in ipairs(rows) do
    local y = 40 + (i - 1) * 2 * LINE
    local most = math.max(row[2] or 0, row[3] or 0)
    out[#out + 1] = textAt(10, y + 20, row[1])
    for k = 1, 2 do
      local value = row[k + 1]
      local length = value and most > 0 and math.max(0, value) / most * BAR or 0
      local top = y + (k - 1) * 17
      out[#out + 1] = ('<rect x="%d" y="%d" width="%.1f" height="14" fill="%s"/>\n'):format(LEFT, top,
        math.max(length, 1), COLORS[k])
      out[#out + 1] = textAt(LEFT + BAR + 10, top + 12, show(value, row[4]))
    end
  end
  out[#out + 1] = "</svg>\n"
  return table.concat(out)
end

function kept.write(dir, visits, report)
  makeFolder(dir)
  for _, which in ipairs(ORDER) do
    if visits[which] then writeVisit(dir .. "/" .. which, visits[which]) end
  end
  local rows = kept.rows(visits)
  try(host.write_over(dir .. "/numbers.txt", numbersText(report.name, rows, report)))
  try(host.write_over(dir .. "/numbers.svg", numbersSvg(report.name, rows)))
end

return kept
