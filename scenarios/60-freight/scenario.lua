local LINE = "(%a+);(%d+);(%d+);(%d+)\n" -- zone;from kg;below kg;cents
local ZONES = { "north", "east", "south", "west" }

local terms -- what was agreed with Harbour Stores, as their lawyers have sent it

local function writeTerms(lines)
  local text = {}
  for i = 1, lines do
    local from = i * 7 % 30
    text[i] = ("%s;%d;%d;%d\n"):format(ZONES[i % 4 + 1], from, from + 3, 300 + i % 50)
  end
  return table.concat(text)
end

-- How many lines are read in a fifth of a second on this machine.
local function calibrate()
  local text, began, lines = writeTerms(1000), lab.cpu_time(), 0
  repeat
    for _, from in text:gmatch(LINE) do lines = lines + tonumber(from) // 99 + 1 end
  until lab.cpu_time() - began >= 0.02
  return math.ceil(lines * 0.2 / (lab.cpu_time() - began))
end

local function findOrder(number, parcels, seconds)
  lab.sleep(seconds) -- asks the database
  local order = { customer = number % 40 == 0 and "Harbour Stores" or "Shop " .. number % 99 + 1 }
  for i = 1, parcels do order[i] = { zone = ZONES[(number + i) % 4 + 1], kg = (number + 5 * i) % 30 } end
  return order
end

local function listedPrice(parcel)
  return 390 + 20 * parcel.kg + (parcel.zone == "north" and 150 or 0)
end

-- A later line replaces an earlier one.
local function agreedPrice(parcel)
  local cents
  for zone, from, below, price in terms:gmatch(LINE) do
    local fits = zone == parcel.zone and parcel.kg >= tonumber(from) and parcel.kg < tonumber(below)
    cents = fits and tonumber(price) or cents
  end
  return cents or listedPrice(parcel)
end

local function freightOf(order)
  local cents, price = 0, order.customer == "Harbour Stores" and agreedPrice or listedPrice
  for _, parcel in ipairs(order) do cents = cents + price(parcel) end
  lab.counter("orders_priced_total"):add()
  return cents
end

return {
  params = {
    parcels = { 10, "of an order" },
    lines = { 0, "of the agreement; 0 = as many as can be read ten times in a fifth of a second here" },
    seconds = { 0.008, "until the database has answered" },
  },
  enter = function(self)
    local lines = self.params.lines
    terms = writeTerms(lines > 0 and lines or calibrate() // 10)
  end,
  request = function(self, req)
    local order = findOrder((tonumber(req.query.order) or req.id) // 1, self.params.parcels, self.params.seconds)
    local cents = lab.label("customer", order.customer, freightOf, order)
    return ("freight: %d.%02d EUR\n"):format(cents // 100, cents % 100)
  end,
}
