-- Kinds of CPU work that a profile must tell apart. Each route works for
-- ?seconds= of the VM's CPU time and answers what it took.

local function untilCpu(req, work)
  local began = lab.cpu_time()
  local stop = began + tonumber(req.query.seconds or 1)
  while lab.cpu_time() < stop do work() end
  return ("%.6f"):format(lab.cpu_time() - began)
end

local function arithmetic() local x = 0 for i = 1, 50000 do x = x + (i ~ 5) end return x end

-- Short-lived tables among some that stay: work for the collector.
local kept = {}
for i = 1, 20000 do kept[i] = { i } end

local function makeGarbage()
  for i = 1, 2000 do
    kept[i] = { i, { i } } -- the line that makes garbage
  end
  return #kept
end

local function makeFinalized()
  for _ = 1, 200 do
    setmetatable({}, { __gc = function() for _ = 1, 2000 do end end })
  end
end

-- The middle line is the one that costs; its neighbours nearly nothing.
local left, right = ("l"):rep(100000), ("r"):rep(100000)
local function joinStrings()
  local n = 0
  for _ = 1, 20 do
    n = n + 1
    local s = left .. right -- the line that joins
    n = n + #s
  end
  return n
end

local function deep(n, work)
  if n == 0 then return (work()) end
  return (deep(n - 1, work))
end

local big = {}
local function fill(n)
  for i = 1, n do big[i] = i * 7919 % 1000003 end
end

return {
  request = function(_, req) return untilCpu(req, arithmetic) end,
  routes = {
    ["/garbage"] = function(_, req) return untilCpu(req, makeGarbage) end,
    ["/finalizers"] = function(_, req) return untilCpu(req, makeFinalized) end,
    ["/concat"] = function(_, req) return untilCpu(req, joinStrings) end,
    ["/deep"] = function(_, req)
      return deep(math.tointeger(req.query.depth), function() return untilCpu(req, arithmetic) end)
    end,
    ["/fill"] = function(_, req) fill(math.tointeger(req.query.n)) return "done" end,
    ["/find"] = function(_, req)
      local text, pattern = ("a"):rep(math.tointeger(req.query.n)), (".-"):rep(req.query.parts) .. "b"
      return tostring(text:find(pattern))
    end,
    ["/sort"] = function() table.sort(big) return "done" end,
    ["/burn"] = function(_, req)
      local seconds = tonumber(req.query.seconds)
      local a, b = lab.go(lab.burn, seconds), lab.go(lab.burn, seconds)
      a:join() b:join()
      return "done"
    end,
  },
}
