-- SPDX-License-Identifier: MIT
-- Requests to another server: so many a second, by ten tasks that share ten
-- connections. peer.go has the same route.

local TASKS = 10
local client = lab.http.client { size = TASKS }

local function sendAll(url, n)
  for _ = 1, n do
    local answer = assert(client:get(url))
    if answer.body ~= "hello world" then error("it says " .. answer.body) end
  end
end

return {
  title = "Requests on connections that stay",
  request = function(_, req)
    local n, tasks, began = req.query.n // TASKS, {}, lab.now()
    for i = 1, TASKS do tasks[i] = lab.go(sendAll, req.query.url, n) end
    for _, task in ipairs(tasks) do assert(task:join()) end
    return ("%.1f"):format(n * TASKS / (lab.now() - began))
  end,
}
