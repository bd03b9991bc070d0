local searched = {} -- plates of cars that the police look for
local given = {} -- permits that the ministry has not been told of yet
local guard = lab.mutex("given") -- guards them
local ministry

local function startMinistry(seconds)
  local server = assert(lab.listen("127.0.0.1:0", function()
    lab.sleep(seconds)
    return "received\n"
  end))
  ministry = "http://" .. server:address()
end

local function loadSearched(n)
  for i = 1, n do searched[i] = ("%s-%s %d"):format(("hbmks"):sub(i % 5 + 1, i % 5 + 1), "xy", 1000 + i) end
end

-- "h-xy 1001" and "H XY1001" are the same car.
local function plainPlate(plate)
  local plain = plate:upper():gsub("[ %-]", "")
  return plain
end

local function isSearched(plate)
  local found = false
  for _, other in ipairs(searched) do
    if plainPlate(other) == plainPlate(plate) then found = true end
  end
  return found
end

local function sendGiven()
  guard:lock()
  if #given > 0 then
    assert(lab.http.get(ministry, { method = "POST", body = table.concat(given, "\n") }))
    lab.counter("permits_reported_total"):add(#given)
    given = {}
  end
  guard:unlock()
end

local function noteGiven(plate)
  guard:lock()
  given[#given + 1] = plate
  guard:unlock()
end

local function givePermit(plate)
  if isSearched(plate) then return "please wait here\n" end
  noteGiven(plate)
  lab.counter("permits_total"):add()
  return "here is your permit\n"
end

return {
  params = {
    cars = { 3000, "that are searched for" },
    ministry = { 0.12, "seconds that the ministry takes" },
    every = { 0.3, "seconds between two reports" },
  },
  limits = { memory = "300MB" },
  enter = function(self)
    local p = self.params
    loadSearched(p.cars)
    startMinistry(p.ministry)
    lab.every(p.every, sendGiven, "reports")
  end,
  request = function(_, req)
    local text = givePermit(("b-ab %d"):format(req.id))
    return text
  end,
}
