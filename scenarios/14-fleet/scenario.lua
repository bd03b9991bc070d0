local last -- the last known position of each vehicle

local function storePosition(id, x, y, at)
  last[id] = { at = at, place = { x = x, y = y } }
end

-- A message has the positions of some of the vehicles.
local function receiveMessage(number, vehicles, positions)
  for i = 1, positions do
    local id = (number * positions + i * 7) % vehicles + 1
    storePosition(id, id + number, id - number, number)
  end
  lab.counter("positions_total"):add(positions)
end

local function findVehicle(id)
  local position = last[id]
  if not position then return "no such vehicle\n", 404 end
  return ("vehicle %d is at %d, %d\n"):format(id, position.place.x, position.place.y)
end

return {
  params = {
    vehicles = { 50000, "that send their positions" },
    positions = { 5000, "in a message" },
  },
  limits = { memory = "500MB" },
  enter = function(self)
    last = {}
    for id = 1, self.params.vehicles do storePosition(id, 0, 0, 0) end
    lab.gc()
  end,
  request = function(self, req)
    receiveMessage(req.id, self.params.vehicles, self.params.positions)
    return self.params.positions .. " positions stored\n"
  end,
  routes = {
    ["/vehicle"] = function(_, req)
      local text, status = findVehicle((tonumber(req.query.id) or 1) // 1)
      return text, status
    end,
  },
}
