-- SPDX-License-Identifier: MIT
-- Everything that moves Lua's stacks, for the sampler to interrupt: coroutines
-- in all shapes, errors, deep recursion, the collector, finalizers, strings.
-- Returns a function that runs rounds for SECONDS and raises if a result ever
-- differs from the first round's.

local tests = {}

local function sum(n)
  if n == 0 then return 0 end
  return n + sum(n - 1)
end

function tests.recursion() return sum(12000) end

function tests.recursionInCoroutine()
  return coroutine.wrap(function() return sum(6000) end)()
end

local function loop(n, total)
  if n == 0 then return total end
  return loop(n - 1, total + n)
end

function tests.tailCalls() return loop(20000, 0) end

local function grow(...)
  local n = select("#", ...)
  if n > 150 then return n end
  return grow(n, ...)
end

function tests.varargs() return grow(1) end

function tests.churn()
  local total = 0
  for i = 1, 200 do
    local co = coroutine.create(function(a)
      local b = coroutine.yield(a + 1)
      local c = coroutine.yield(b * 2)
      return c
    end)
    local _, x = coroutine.resume(co, i)
    local _, y = coroutine.resume(co, x)
    local _, z = coroutine.resume(co, y)
    total = total + z
  end
  return total
end

function tests.abandoned()
  local total = 0
  for _ = 1, 200 do
    local next_value = coroutine.wrap(function()
      for i = 1, math.huge do coroutine.yield(i) end
    end)
    total = total + next_value() + next_value()
  end
  return total
end

local function nested(depth)
  return coroutine.wrap(function()
    if depth == 0 then
      coroutine.yield(1)
    else
      for v in nested(depth - 1) do coroutine.yield(v + 1) end
    end
  end)
end

function tests.nested()
  local total = 0
  for _ = 1, 20 do
    for v in nested(12) do total = total + v end
  end
  return total
end

function tests.errorsAcrossYields()
  local co = coroutine.wrap(function()
    local total = 0
    for i = 1, 50 do
      local ok, v = pcall(function()
        local x = coroutine.yield(i)
        if x % 7 == 0 then error { x } end
        return x
      end)
      total = total + (ok and v or v[1])
    end
    return total
  end)
  co()
  for i = 1, 49 do co(i) end
  return co(50)
end

function tests.errorsInCoroutines()
  local total = 0
  for _ = 1, 100 do
    local co = coroutine.create(function()
      local t = setmetatable({}, { __index = function(_, k) error("no " .. k) end })
      return t.field
    end)
    local ok, message = coroutine.resume(co)
    assert(not ok)
    total = total + #message
    coroutine.close(co)
  end
  return total
end

function tests.toBeClosed()
  local closed = 0
  for i = 1, 100 do
    local co = coroutine.create(function()
      local guard <close> = setmetatable({}, { __close = function() closed = closed + 1 end })
      coroutine.yield(guard)
      error("after the yield")
    end)
    coroutine.resume(co)
    if i % 2 == 0 then coroutine.resume(co) end
    coroutine.close(co)
  end
  return closed
end

function tests.stackOverflow()
  local function forever() return 1 + forever() end
  local ok, message = xpcall(forever, function(m) return "handled " .. tostring(m):sub(1, 40) end)
  assert(not ok)
  return #message > 0 and 1
end

function tests.nestedCCalls()
  local function again() return (("y"):gsub("y", function() return again() end)) end
  local ok = pcall(again)
  assert(not ok)
  return 1
end

function tests.finalizers()
  for i = 1, 300 do
    setmetatable({}, { __gc = function()
      local s = ""
      for j = 1, 5 do s = s .. (i + j) end
    end })
  end
  return 300
end

function tests.strings()
  local parts = {}
  for i = 1, 300 do parts[i] = ("%5d:%s:%q"):format(i, ("ab"):rep(i % 37), "x\n" .. i) end
  local all, digits = table.concat(parts, ","), 0
  for word in all:gmatch("%d+") do digits = digits + #word end
  return digits + #all:gsub("%w", { a = "b" })
end

function tests.tables()
  local t, n = {}, 0
  for i = 1, 2000 do t[i] = i end
  for i = 1, 2000, 2 do t[i] = nil end
  for i = 1, 500 do t["k" .. i] = i end
  for _, v in pairs(t) do n = n + v end
  return n
end

function tests.sorting()
  local t = {}
  for i = 1, 500 do t[i] = i * 7919 % 509 end
  table.sort(t, function(a, b) return a > b end)
  return t[1] * 1000 + t[500]
end

function tests.metamethods()
  local V = {}
  V.__index = V
  local function new(x) return setmetatable({ x = x }, V) end
  V.__add = function(a, b) return new(a.x + b.x) end
  V.__lt = function(a, b) return a.x < b.x end
  V.__len = function(a) return a.x end
  V.__concat = function(a, b) return "V" .. tostring(a.x or a) .. tostring(b.x or b) end
  local total = new(0)
  for i = 1, 300 do
    total = total + new(i)
    assert(not (total < new(1)))
  end
  return #total + #(total .. "q")
end

function tests.yieldInMetamethod()
  local co = coroutine.wrap(function()
    local t = setmetatable({}, { __index = function(_, k) return coroutine.yield(k) end })
    local total = 0
    for i = 1, 40 do total = total + t[i] end
    return total
  end)
  local result = co()
  for i = 1, 40 do result = co(i) end
  return result
end

function tests.loading()
  local n = 0
  for i = 1, 20 do
    local f = assert(load(("local a, b = ...\nlocal function q(x) return x * %d end\nreturn q(a) + b"):format(i)))
    n = n + f(i, 1)
  end
  return n
end

function tests.closures()
  local adders, total = {}, 0
  for i = 1, 300 do
    local k = i
    adders[i] = function(d) k = k + d return k end
  end
  for i = 1, 300 do total = total + adders[i](i) end
  return total
end

function tests.traceback() return #debug.traceback("here") > 0 and 1 end

local names = {}
for name in pairs(tests) do names[#names + 1] = name end
table.sort(names)

-- Stack overflows are slow: once in so many rounds.
local RARE = { stackOverflow = 50, nestedCCalls = 10 }

return function(clock, seconds)
  local first, rounds, stop = {}, 0, clock() + seconds
  while clock() < stop do
    for _, name in ipairs(names) do
      if rounds % (RARE[name] or 1) == 0 then
        local result = tests[name]()
        if first[name] == nil then first[name] = result end
        if first[name] ~= result then
          error(("%s: %s, but first %s"):format(name, result, first[name]))
        end
      end
    end
    rounds = rounds + 1
    if rounds % 50 == 0 then collectgarbage() end
    if rounds % 100 == 0 then
      collectgarbage(rounds % 200 == 0 and "incremental" or "generational")
    end
  end
  return rounds
end
