-- SPDX-License-Identifier: MIT
-- Memory that isn't Lua's: bodies that are answered, sent and fetched, arguments
-- of children, lines of the log, messages of errors, and who has a lock.
local large = ("x"):rep(20 << 20)

-- How many of N calls of F ended well, and what one of the others said.
local function count(n, f)
  local tasks, good, problem = {}, 0, nil
  for i = 1, n do tasks[i] = lab.go(f) end
  for i = 1, n do
    local ok, answer, message = tasks[i]:join()
    if ok and answer then good = good + 1 else problem = tostring(message or answer) end
    tasks[i] = nil
  end
  return ("%d of %d: %s"):format(good, n, tostring(problem))
end

local function many(n)
  local headers = {}
  for i = 1, n do headers["x-" .. i] = "y" end
  return headers
end

return {
  limits = { memory = "100MiB" },
  enter = function(self)
    self.server = assert(lab.listen("127.0.0.1:0", function() return large end))
  end,
  request = function() return large end,
  routes = {
    ["/fetch"] = function(self)
      local url = "http://" .. self.server:address() .. "/"
      return count(30, function() return lab.http.get(url) end)
    end,
    ["/post"] = function(self)
      local url = "http://" .. self.server:address() .. "/"
      return count(30, function() return lab.http.get(url, { method = "POST", body = large }) end)
    end,
    -- One large string, N times.
    ["/words"] = function(_, req)
      local argv, word = { "true" }, ("x"):rep(24 << 20)
      for i = 2, tonumber(req.query.n) do argv[i] = word end
      return tostring(lab.spawn(argv))
    end,
    ["/spawn"] = function()
      local argv = { "true" }
      for i = 2, 900 do argv[i] = large end
      return tostring(lab.spawn(argv))
    end,
    -- Headers, N of them; or one that is large.
    ["/headers"] = function(_, req)
      local n = tonumber(req.query.n)
      return "", 200, n and many(n) or { ["X-Large"] = large }
    end,
    ["/asked"] = function(_, req)
      local options = { headers = many(tonumber(req.query.n)) }
      local began = lab.cpu_time()
      local _, why = pcall(lab.http.get, "http://127.0.0.1:1/", options)
      return ("%.9f %s"):format(lab.cpu_time() - began, why)
    end,
    ["/url"] = function()
      local _, url = pcall(lab.http.get, "http://127.0.0.1:1/" .. large)
      local _, method = pcall(lab.http.get, "http://127.0.0.1:1/", { method = large })
      return url .. "\n" .. method
    end,
    ["/log"] = function() lab.log(("y"):rep(16 << 20)) end,
    ["/error"] = function() error(("z"):rep(16 << 20)) end,
    ["/failing"] = function()
      for i = 1, 5 do lab.go(error, i .. ("z"):rep(2 << 20)) end
      lab.sleep(0)
    end,
    ["/joined"] = function()
      local ok, message = lab.go(error, ("z"):rep(16 << 20)):join()
      return tostring(ok) .. " " .. #message
    end,
    ["/readers"] = function()
      local lock, n = lab.rwmutex(), 0
      local ok, why = pcall(function()
        for _ = 1, 20e6 do
          lock:rlock()
          n = n + 1
        end
      end)
      for _ = 1, n do lock:runlock() end
      return ("%s %d %s"):format(ok, n, why)
    end,
    ["/ok"] = function() return "ok" end,
  },
}
