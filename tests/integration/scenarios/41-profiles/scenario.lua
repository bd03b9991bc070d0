-- SPDX-License-Identifier: MIT
-- For tests/integration/test_named_profiles.lua: profiles of a scenario's own.
local inUse = lab.profile("db.Connections")
local connections = {}

local function openConnection(key)
  inUse:add(key)
  return key
end

local function forReport(key) return (openConnection(key)) end
local function forOrder(key) return (openConnection(key)) end

local function problem(f, ...)
  local ok, message = pcall(f, ...)
  return ok and "no error" or (tostring(message):gsub("^[^ ]+:%d+: ", ""))
end

local function addSkipping(key, skip) lab.profile("skip.Some"):add(key, skip) end
local function addOutside(key, skip) addSkipping(key, skip) end

local weak = setmetatable({}, { __mode = "k" })

local routes = {}

routes["/report"] = function() connections[#connections + 1] = forReport {} end
routes["/orders"] = function(_, req)
  for _ = 1, tonumber(req.query.n) do connections[#connections + 1] = forOrder {} end
end
routes["/close"] = function(_, req)
  for _ = 1, tonumber(req.query.n) do inUse:remove(table.remove(connections)) end
  return tostring(inUse:count())
end
routes["/count"] = function() return tostring(inUse:count()) .. " " .. tostring(inUse) end

-- Keys of all kinds; each is there once, and equal ones are one.
routes["/keys"] = function()
  local p, seen = lab.profile("key.Kinds"), {}
  local f, t = function() end, {}
  local keys = { 1, 2.5, -0.0, "1", "", true, false, f, t, p, lab.mutex(), lab.rand, math.huge, math.mininteger }
  for _, key in ipairs(keys) do p:add(key) end
  seen[#seen + 1] = tostring(p:count() == #keys)
  for _, key in ipairs { 1, 1.0, 0, "1", f, t, p, false } do seen[#seen + 1] = problem(p.add, p, key) end
  p:remove("not there") p:remove({})
  seen[#seen + 1] = tostring(p:count() == #keys)
  for _, key in ipairs(keys) do p:remove(key) end
  seen[#seen + 1] = tostring(p:count())
  p:add(1)
  p:remove(1.0)
  seen[#seen + 1] = tostring(p:count())
  return table.concat(seen, "\n")
end

routes["/wrong"] = function()
  local p, seen = lab.profile("wrong.Calls"), {}
  local function try(f, ...) seen[#seen + 1] = problem(f, ...) end
  try(p.add, p) try(p.add, p, nil) try(p.add, p, 0 / 0) try(p.remove, p) try(p.remove, p, 0 / 0)
  try(p.add, p, 1, -1) try(p.add, p, 1, 1001) try(p.add, p, 1, "x") try(p.add, lab.mutex(), 1)
  try(function() return p.size end)
  for _, name in ipairs { "", "heap", "Connections", "db.", ".db", "db..x", "1db.x", "db.x y", "db.x/y", "db.\0x",
    "db.x\n", "db.<b>", "db." .. ("x"):rep(61), "d\xc3\xa4.x" } do
    try(lab.profile, name)
  end
  for _, name in ipairs { "lab.OpenFiles", "lab.Other", "heap.inuse_space", "mutex.delay", "goroutine.x", "cpu.x",
    "profile.x" } do
    try(lab.profile, name)
  end
  try(lab.profile) try(lab.profile, 5) try(lab.profile, {})
  for _, name in ipairs { "db.x", "a.b.c", "Db-1_2.3-x", "db." .. ("x"):rep(60), "heaps.x" } do
    seen[#seen + 1] = tostring(lab.profile(name))
  end
  seen[#seen + 1] = p:count()
  return table.concat(seen, "\n")
end

-- 16 in all; the same name is the same one.
routes["/many"] = function()
  local first = problem(function()
    for i = 1, 20 do lab.profile("many.P" .. i) end
  end)
  lab.profile("db.Connections"):add("same")
  return first .. "\n" .. inUse:count()
end

routes["/skip"] = function()
  addOutside("a") addOutside("b", 0) addOutside("c", 1) addOutside("d", 2) addOutside("e", 1000)
end

-- Keys live as long as they are there, and no longer.
routes["/weak"] = function()
  local p, seen = lab.profile("weak.Keys"), {}
  local function add()
    local key = {}
    weak[key] = true
    p:add(key)
  end
  for _ = 1, 10 do add() end
  lab.gc()
  local n = 0
  for key in pairs(weak) do
    n = n + 1
    p:remove(key)
  end
  seen[1] = n
  lab.gc() lab.gc()
  seen[2] = next(weak) == nil and "gone" or "kept"
  return table.concat(seen, " ")
end

-- Adds until there is no memory left; what was added is right.
routes["/fill"] = function()
  local p, n = lab.profile("full.Keys"), 0
  local why = problem(function()
    while true do
      p:add(n)
      n = n + 1
    end
  end)
  local right = p:count() == n
  local before = n
  for i = 0, n - 1 do p:remove(i) end
  p:add("again")
  return ("%s %s %s %d"):format(why:match("not enough memory"), right, before > 10000, p:count())
end

routes["/park"] = function()
  local p = lab.profile("late.Keys")
  lab.go(function()
    p:add("before")
    local ok = pcall(lab.sleep, 1000)
    p:add("after")
    p:remove("before")
    return ok
  end)
  lab.sleep(0)
end

local function labelled(key) inUse:add(key) end
routes["/labels"] = function()
  for i = 1, 3 do lab.label("customer", "wholesale", labelled, i) end
end

-- What many tasks at once do comes out right.
routes["/crowd"] = function(_, req)
  local p, n = lab.profile("crowd.Keys"), tonumber(req.query.n)
  local tasks = {}
  for i = 1, n do
    tasks[i] = lab.go(function()
      for k = 1, 20 do
        local key = i * 100 + k
        p:add(key)
        if k % 5 == 0 then lab.sleep(0) end
        if k % 2 == 0 then p:remove(key) end
      end
    end)
  end
  for i = 1, n do assert(tasks[i]:join()) end
  return tostring(p:count())
end

return { request = function() end, routes = routes, limits = { memory = "64MB" } }
