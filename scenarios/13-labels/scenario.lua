local customers

local function loadCustomers(n, boxes)
  customers = {}
  for i = 1, n do customers[i] = ("Ann Smith,High Street,%d,%05d,Oxford;"):format(i, 10000 + i) end
  customers[7] = ("Box,"):rep(boxes) -- as they have typed it themselves
end

-- name,street,number,postcode,town;
local function parseAddress(line)
  local name, street, number, postcode, town = line:match("^(.-),(.-),(.-),(.-),(.-);")
  return name and { name = name, street = street, number = number, postcode = postcode, town = town }
end

local function printLabel(line)
  local a = parseAddress(line)
  lab.counter("labels_total"):add()
  if not a then return "please write to us again\n" end
  local label = ("%s\n%s %s\n%s %s\n"):format(a.name, a.number, a.street, a.town, a.postcode)
  return label
end

return {
  params = {
    customers = { 20, "of the shop" },
    boxes = { 50, "in the address of one of them" },
  },
  enter = function(self) loadCustomers(self.params.customers, self.params.boxes) end,
  request = function(_, req)
    local label = printLabel(customers[((tonumber(req.query.customer) or req.id) // 1 - 1) % #customers + 1])
    return label
  end,
}
