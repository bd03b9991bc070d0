-- "SEAT 7\n" and "ROW 3\n" come in; "free" goes out.
local function answerPlan(socket)
  local text = ""
  while true do
    local more = socket:read(100)
    if not more then break end
    text = text .. more
    if text:find("ROW %d+\n") then
      text = ""
      socket:write("free\n")
    end
  end
  socket:close()
end

local function servePlan(listener)
  while true do
    local socket = assert(listener:accept())
    lab.go(answerPlan, socket)
  end
end

local function askSeat(plan, seat, row)
  assert(plan:write(("SEAT %d\nROW %d\n"):format(seat, row)))
  local answer = assert(plan:read(100))
  lab.counter("seats_asked_total"):add()
  return answer
end

local function findSeats(address, seats)
  local plan <close> = assert(lab.tcp.connect(address))
  local free = 0
  for seat = 1, seats do
    if askSeat(plan, seat, 3) == "free\n" then free = free + 1 end
  end
  return free
end

return {
  params = { seats = { 4, "that are asked for" } },
  limits = { memory = "300MB" },
  enter = function(self)
    local listener = assert(lab.tcp.listen("127.0.0.1:0"))
    self.address = listener:address()
    lab.go(servePlan, listener)
  end,
  request = function(self)
    local free = findSeats(self.address, self.params.seats)
    return ("%d seats are free\n"):format(free)
  end,
}
