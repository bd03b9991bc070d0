local path

local function writeStations(n)
  local file <close> = assert(lab.temp_file(assert(lab.temp_dir()), "stations-"))
  local lines = {}
  for i = 1, n do lines[i] = ("%05d %2d.%d\n"):format(i, i % 30, i % 10) end
  assert(file:write(table.concat(lines)))
  path = file:path()
end

-- The next line of the file, without its end; nil: there is none.
local function nextLine(file)
  local letters = {}
  local letter = file:read(1)
  while letter and letter ~= "\n" do
    letters[#letters + 1] = letter
    letter = file:read(1)
  end
  if not letter and #letters == 0 then return nil end
  return table.concat(letters)
end

local function averageOf()
  local file <close> = assert(lab.open(path, "r", { inline = true }))
  local sum, n = 0, 0
  for line in nextLine, file do
    sum, n = sum + tonumber(line:sub(7)), n + 1
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
