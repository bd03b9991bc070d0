local path

local function writeStations(n)
  local file <close> = assert(lab.temp_file(assert(lab.temp_dir()), "stations-"))
  local lines = {}
  for i = 1, n do lines[i] = ("%05d %2d.%d\n"):format(i, i % 30, i % 10) end
  assert(file:write(table.concat(lines)))
  path = file:path()
end

local function averageOf()
  local file <close> = assert(lab.open(path, "r", { inline = true }))
  local sum, n, rest = 0, 0, ""
  local piece = file:read(65536)
  while piece do
    local text = rest .. piece
    rest = text:match("[^\n]*$")
    for line in text:gmatch("([^\n]*)\n") do
      sum, n = sum + tonumber(line:sub(7)), n + 1
    end
    piece = file:read(65536)
  end
  lab.counter("lines_read_total"):add(n)
  return sum / n
end

return {
  params = { stations = { 1000, "in the file" } },
  limits = { memory = "300MB" },
  enter = function(self) writeStations(self.params.stations) end,
  request = function()
    local average = averageOf()
    return ("%.2f degrees\n"):format(average)
  end,
}
