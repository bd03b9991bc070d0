local rooms = { free = 0 }
local guests = { count = 0 }
local served

local function openHotel(n)
  rooms.lock, guests.lock = lab.mutex("rooms"), lab.mutex("guests")
  rooms.free = n
  served = lab.counter("guests_served_total")
end

local function writeCard(seconds)
  lab.sleep(seconds)
end

local function bookRoom(seconds)
  guests.lock:lock()
  guests.count = guests.count + 1
  writeCard(seconds)
  rooms.lock:lock()
  rooms.free = rooms.free - 1
  rooms.lock:unlock()
  guests.lock:unlock()
  return "booked\n"
end

local function cancelRoom(seconds)
  rooms.lock:lock()
  rooms.free = rooms.free + 1
  writeCard(seconds)
  guests.lock:lock()
  guests.count = guests.count - 1
  guests.lock:unlock()
  rooms.lock:unlock()
  return "cancelled\n"
end

return {
  params = {
    rooms = { 100000, "of the hotel" },
    seconds = { 0.005, "until a card is written" },
  },
  enter = function(self) openHotel(self.params.rooms) end,
  request = function(self, req)
    local cancel = req.id % 4 == 0 -- every fourth guest comes to cancel
    local text = (cancel and cancelRoom or bookRoom)(self.params.seconds)
    served:add()
    return text
  end,
}
