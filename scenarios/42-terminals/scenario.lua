local SHELVES = 3 -- of a shop; each has a terminal
local terminals = {} -- connection -> since when

-- One of those that answer: they take turns.
local function serveTerminals(listener)
  while true do
    local socket, problem = listener:accept()
    if socket then
      terminals[socket] = lab.now()
      local count = socket:read(100)
      while count do
        lab.counter("counts_total"):add()
        socket:write("noted\n")
        count = socket:read(100)
      end
    else
      lab.log("no terminal can call: %s", problem)
      lab.sleep(0.2)
    end
  end
end

local function sendCount(address, count)
  local socket <close> = assert(lab.tcp.connect(address, { timeout = 5 }))
  assert(socket:write(("%d pieces\n"):format(count)))
  local answer = assert(socket:read(100, 5))
  return answer
end

local function countTerminals()
  local n = 0
  for _ in pairs(terminals) do n = n + 1 end
  return n
end

return {
  limits = { memory = "300MB", fds = 700 },
  enter = function(self)
    local listener = assert(lab.tcp.listen("127.0.0.1:0"))
    self.address = listener:address()
    for _ = 1, 4 do lab.go(serveTerminals, listener) end
  end,
  request = function(self, req)
    for shelf = 1, SHELVES do sendCount(self.address, (req.id + shelf) % 40) end
    return "the shop was counted\n"
  end,
  routes = {
    ["/terminals"] = function() return countTerminals() .. " terminals are connected\n" end,
  },
}
