-- SPDX-License-Identifier: MIT
-- A slow server, and a client with a pool of connections, in Lua as authors write it.
local equal = lab.include "checks".equal

local function serveLines(listener, served)
  while true do
    local socket = listener:accept()
    if not socket then return end
    served[#served + 1] = socket
    lab.go(function()
      for line in function() return socket:read(100) end do
        lab.sleep(0.002)
        if not socket:write("answer to " .. line) then return end
      end
      socket:close()
    end)
  end
end

-- Whether the peer has it still: it has said nothing, not even that it ends.
local function isAlive(connection)
  local _, message = connection:read(1, 0)
  return message and message:find("i/o timeout", 1, true) ~= nil
end

local function new_pool(address, size)
  local idle = lab.channel(size) -- connections, or false for one that was not made yet
  for _ = 1, size do idle:send(false) end
  return function(question)
    local connection = idle:recv()
    local answer
    repeat
      if not connection or not isAlive(connection) then connection = assert(lab.tcp.connect(address)) end
      answer = connection:write(question) and connection:read(100)
    until answer
    idle:send(connection)
    return answer
  end
end

return function()
  local listener <close>, served = assert(lab.tcp.listen("127.0.0.1:0")), {}
  lab.go(serveLines, listener, served)
  local ask = new_pool(listener:address(), 2)
  local function ask_all()
    local tasks = {}
    for i = 1, 10 do tasks[i] = lab.go(ask, "question " .. i) end
    for i, task in ipairs(tasks) do equal(select(2, task:join()), "answer to question " .. i, "an answer") end
  end
  ask_all()
  ask_all()
  equal(#served, 2, "connections")
  for _, socket in ipairs(served) do socket:close() end
  ask_all()
  equal(#served, 4, "connections, after the server has closed the first ones")
  return "ok"
end
