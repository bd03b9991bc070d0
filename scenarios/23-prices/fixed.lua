local DETAILS = ("made of wood, one year of warranty, delivered in a box; "):rep(4)

local prices = {} -- of what can be sold

-- What the supplier's file has in line I.
local function readLine(i)
  local line = ("%08d;%d;%d.%02d;%s"):format(i, i % 20, i % 900, i % 100, DETAILS)
  return line
end

local function isInStock(line) return line:find(";0;", 9, true) == 9 end

local function importPrices(n)
  local kept = {}
  for i = 1, n do
    local line = readLine(i)
    if isInStock(line) then kept[#kept + 1] = line end
  end
  prices = kept
end

return {
  params = { lines = { 200000, "of the supplier's file; one in twenty is in stock" } },
  limits = { memory = "500MB" },
  request = function() return #prices .. " articles\n" end,
  routes = {
    ["/import"] = function(self)
      importPrices(self.params.lines)
      lab.counter("imports_total"):add()
      lab.gauge("articles"):set(#prices)
      lab.release()
      return #prices .. " articles\n"
    end,
  },
}
