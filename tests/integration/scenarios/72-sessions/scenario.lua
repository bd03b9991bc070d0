-- SPDX-License-Identifier: MIT
-- Memory of its own at three times: scenario.lua, `enter`, and requests. The cache
-- makes Lua's table of strings grow, which shrinks again when it is empty.
local cache = {}
local loaded = lab.buffer(3000000)
loaded:write(("l"):rep(3000000))

local function keepTable()
  local b = lab.buffer(5000000)
  b:write(("e"):rep(5000000))
  return b
end

local function calibrate()
  for _ = 1, 20 do lab.buffer(1000000) end
end

local function waitForHelper()
  lab.go(lab.sleep, 0.01):join()
end

local function buildProfile(key)
  local p = { key = key, rights = {} }
  for i = 1, 200 do p.rights[i] = key .. ":" .. i end
  return p
end

local function lookup(key)
  local hit = cache[key]
  if not hit then
    hit = buildProfile(key)
    cache[key] = hit
  end
  return hit
end

return {
  enter = function(self)
    self.kept = keepTable()
    calibrate()
    waitForHelper()
  end,
  request = function(_, req)
    local p = lookup("user/" .. req.id)
    return p.key
  end,
  routes = {
    ["/many"] = function(_, req)
      for i = 1, math.tointeger(req.query.n or 600) do lookup("many/" .. i) end
      return "done"
    end,
    ["/empty"] = function()
      cache = {}
      for _ = 1, 20 do lab.gc() end
      return "empty"
    end,
    -- A table that has become small, and a buffer.
    ["/shrink"] = function(self)
      local t = {}
      for i = 1, 200000 do t[i] = i end
      for i = 100, 200000 do t[i] = nil end
      self.small = t
      t.name = "makes it small" -- a new key: the table gets a new size
      return "small"
    end,
  },
  leave = function() cache = {} end,
}
