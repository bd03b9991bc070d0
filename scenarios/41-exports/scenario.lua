local rows = {}

local function loadRows(n)
  for i = 1, n do rows[i] = { day = i % 365 + 1, place = ("depot %03d"):format(i % 180), pieces = i * 7 % 50 } end
end

local function estimateRest(job)
  local pieces = 0
  for i, row in ipairs(rows) do
    if i > job.done then pieces = pieces + row.pieces end
  end
  job.left = pieces
  lab.counter("estimates_total"):add()
end

local function writePart(job, from, to)
  job.progress = lab.every(0.1, function() estimateRest(job) end, "progress")
  for i = from, to do
    local row = rows[i]
    job.lines[i] = ("%d;%s;%d"):format(row.day, row.place, row.pieces)
    job.done = i
  end
end

local latest -- the export that was begun last

-- Meanwhile everybody can see how much is left.
local function showProgress()
  if not latest or latest.done == #rows then return "nothing is being written\n" end
  return ("%d pieces are left\n"):format(latest.left or 0)
end

local function exportRows(parts)
  local job = { done = 0, lines = {} }
  latest = job
  for part = 1, parts do
    writePart(job, (part - 1) * #rows // parts + 1, part * #rows // parts)
  end
  job.progress:stop()
  return #job.lines
end

return {
  params = {
    rows = { 3000, "of an export" },
    parts = { 4, "in which it is written" },
  },
  limits = { memory = "300MB" },
  enter = function(self) loadRows(self.params.rows) end,
  request = function(self)
    local lines = exportRows(self.params.parts)
    lab.counter("exports_total"):add()
    return ("%d rows\n"):format(lines)
  end,
  routes = { ["/progress"] = function() return (showProgress()) end },
}
