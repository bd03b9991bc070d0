-- SPDX-License-Identifier: MIT
-- User tasks and regions that end in every way there is. Each is followed by a
-- region "NAME is over", so a trace says until when it may last.
local function over(name) lab.region(name .. " is over", lab.sleep, 0) end

-- Runs f within user task and region NAME, in a task of its own.
local function marked(name, f, ...)
  return lab.go(lab.task, name, lab.region, name, f, ...)
end

local function fail() lab.sleep(0.01) error("boom") end

local routes = {}

routes["/ends"] = function()
  marked("returns", lab.sleep, 0.01):join()
  over("returns")
  marked("fails", fail):join()
  over("fails")
  marked("nested", function() lab.region("outer", lab.task, "inner", fail) end):join()
  over("nested")
  local cancelled = marked("cancelled", lab.sleep, 10)
  lab.sleep(0.02)
  cancelled:cancel()
  cancelled:join()
  over("cancelled")
  local busy = marked("busy", function() while true do lab.sleep(0) end end)
  lab.sleep(0.02)
  busy:cancel()
  busy:join()
  over("busy")
  local lock = lab.mutex()
  lock:lock()
  local waiting = marked("waiting", lock.lock, lock)
  lab.sleep(0.02)
  waiting:cancel()
  waiting:join()
  over("waiting")
  pcall(lab.task, "caught", lab.region, "caught", fail)
  over("caught")
  marked("memory", function() local t = {} for i = 1, 1e9 do t[i] = ("x"):rep(1 << 20) .. i end return t end):join()
  over("memory")
  local function deep() return 1 + deep() end
  marked("deep", deep):join()
  over("deep")
end

routes["/fails"] = function() lab.task("request", lab.region, "request fails", fail) end

routes["/left"] = function() marked("left", lab.sleep, 100) marked("left too", lab.sleep, 100) end

return { request = function() end, routes = routes, limits = { memory = "64MiB" } }
