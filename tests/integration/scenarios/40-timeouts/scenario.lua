-- SPDX-License-Identifier: MIT
-- For tests/integration/test_timeouts.lua: waiting with a time limit. Each route
-- answers what it saw.

local routes = {}

-- "true", "nil,timeout", "" for nothing.
local function show(...)
  local words = table.pack(...)
  for i = 1, words.n do words[i] = tostring(words[i]) end
  return table.concat(words, ",")
end

local function lines(list) return table.concat(list, "\n") end

-- The message of the error that f raises, without its place.
local function problem(f)
  local ok, message = pcall(f)
  return ok and "no error" or (tostring(message):gsub("^[^ ]+:%d+: ", ""))
end

-- Waits until check() is true: a machine that is busy with others may need long.
local function await(check)
  while not check() do lab.sleep(0.001) end
end

-- ---- results -----------------------------------------------------------------

routes["/mutex"] = function()
  local m = lab.mutex()
  local seen = { show(m:lock(1)), show(m:lock(0)), show(m:lock(0.01)) }
  m:unlock()
  seen[#seen + 1] = show(m:lock(nil))
  m:unlock()
  seen[#seen + 1] = show(m:lock(0))
  m:unlock()
  seen[#seen + 1] = "[" .. show(m:lock()) .. "]"
  return lines(seen)
end

routes["/rwmutex"] = function()
  local m = lab.rwmutex()
  local seen = { show(m:rlock(0)), show(m:rlock(1)), show(m:lock(0)), show(m:lock(0.01)), show(m:rlock(0)) }
  m:runlock() m:runlock() m:runlock()
  seen[#seen + 1] = show(m:lock(0))
  seen[#seen + 1] = show(m:rlock(0))
  seen[#seen + 1] = show(m:rlock(0.01))
  seen[#seen + 1] = show(m:lock(0.01))
  m:unlock()
  seen[#seen + 1] = tostring(m)
  return lines(seen)
end

routes["/wait_group"] = function()
  local g = lab.wait_group()
  g:add(1)
  local seen = { show(g:wait(0)), show(g:wait(0.01)) }
  g:done()
  seen[#seen + 1] = show(g:wait(0))
  seen[#seen + 1] = "[" .. show(g:wait()) .. "]"
  g:add(1)
  lab.go(function() lab.sleep(0.01) g:done() end)
  seen[#seen + 1] = show(g:wait(1000))
  return lines(seen)
end

routes["/channel"] = function()
  local c, b = lab.channel(), lab.channel(1)
  local seen = { show(c:recv(0)), show(c:recv(0.01)), show(c:send(1, 0)), show(c:send(1, 0.01)),
    show(b:send(nil, 0)), show(b:send(2, 0.01)), show(b:recv(0)), show(b:recv(0)), "[" .. show(b:send(3)) .. "]",
    show(b:recv(nil)) }
  lab.go(function() lab.sleep(0.01) c:send("late") end)
  seen[#seen + 1] = show(c:recv(1000))
  lab.go(function() lab.sleep(0.01) c:recv() end)
  seen[#seen + 1] = show(c:send("x", 1000))
  lab.go(function() lab.sleep(0.01) c:close() end)
  seen[#seen + 1] = show(c:recv(1000))
  seen[#seen + 1] = show(c:recv(0))
  seen[#seen + 1] = problem(function() c:send(1, 1) end)
  return lines(seen)
end

routes["/select"] = function()
  local c, b = lab.channel(), lab.channel(1)
  local seen = {
    show(lab.select { { c, "recv" }, timeout = 0 }),
    show(lab.select { { c, "recv" }, { c, "send", 1 }, timeout = 0.01 }),
    show(lab.select { timeout = 0.01 }), show(lab.select { timeout = 0 }),
    show(lab.select { { nil, "recv" }, timeout = 0.01 }),
    show(lab.select { { c, "recv" }, default = true, timeout = 1000 }),
    show(lab.select { { c, "recv" }, { b, "send", nil }, timeout = 0 }),
    show(lab.select { { c, "recv" }, { b, "recv" }, timeout = 1000 }),
  }
  lab.go(function() lab.sleep(0.01) c:send("late") end)
  seen[#seen + 1] = show(lab.select { { b, "recv" }, { c, "recv" }, timeout = 1000 })
  lab.go(function() lab.sleep(0.01) c:close() end)
  seen[#seen + 1] = show(lab.select { { b, "recv" }, { c, "recv" }, timeout = 1000 })
  return lines(seen)
end

routes["/process"] = function()
  local p = assert(lab.spawn { "sleep", "1000" })
  local seen = { show(p:wait(0)), show(p:wait(0.01)) }
  p:kill()
  seen[#seen + 1] = show(p:wait(1000))
  seen[#seen + 1] = show(p:wait(0))
  seen[#seen + 1] = show(assert(lab.spawn { "true" }):wait(1000))
  return lines(seen)
end

routes["/wrong"] = function()
  local m, rw, g, c = lab.mutex(), lab.rwmutex(), lab.wait_group(), lab.channel(1)
  local seen = {}
  for _, limit in ipairs { "soon", -1, 0 / 0, {} } do
    seen[#seen + 1] = problem(function() m:lock(limit) end)
    seen[#seen + 1] = problem(function() rw:lock(limit) end)
    seen[#seen + 1] = problem(function() rw:rlock(limit) end)
    seen[#seen + 1] = problem(function() g:wait(limit) end)
    seen[#seen + 1] = problem(function() c:send(1, limit) end)
    seen[#seen + 1] = problem(function() c:recv(limit) end)
    seen[#seen + 1] = problem(function() lab.select { { c, "send", 1 }, timeout = limit } end)
  end
  seen[#seen + 1] = tostring(m) .. " " .. tostring(rw) .. " " .. #c -- nothing was taken, nor sent
  seen[#seen + 1] = problem(function() lab.select { { c, "recv" }, timout = 1 } end)
  seen[#seen + 1] = problem(function() lab.select { { c, "recv" }, default = true, timout = 1 } end)
  -- Only to look is possible anywhere.
  local results = {}
  table.sort({ 1, 2 }, function(a, b)
    m:lock()
    results = { show(m:lock(0)), show(c:recv(0)), show(lab.select { { c, "recv" }, timeout = 0 }) }
    results[#results + 1] = problem(function() c:recv(1) end)
    m:unlock()
    return a < b
  end)
  seen[#seen + 1] = table.concat(results, " ")
  return lines(seen)
end

-- ---- who gives up leaves no trace --------------------------------------------

-- Three wait; the one in the middle has no time. The others get it in their order,
-- and there is nobody else.
routes["/order"] = function()
  local m, order = lab.mutex(), {}
  local function take(name, limit)
    local ok, why = m:lock(limit)
    order[#order + 1] = name .. ":" .. tostring(ok or why)
    if ok then m:unlock() end
  end
  m:lock()
  local tasks = { lab.go(take, "first"), lab.go(take, "hasty", 0.02), lab.go(take, "last") }
  await(function() return #order == 1 end)
  order[#order + 1] = tostring(m)
  m:unlock()
  for _, task in ipairs(tasks) do assert(task:join()) end
  order[#order + 1] = tostring(m)
  return lines(order)
end

-- What is sent goes to one who still wants it; what was not sent is gone.
routes["/values"] = function()
  local c, seen = lab.channel(), {}
  local function note(text) seen[#seen + 1] = text end
  local function receive(name, limit) note(name .. ":" .. show(c:recv(limit))) end
  lab.go(receive, "hasty", 0.02)
  local function choose() return lab.select { { c, "recv" }, { c, "recv" }, timeout = 0.02 } end
  lab.go(function() note("choosy:" .. show(choose())) end)
  local patient = lab.go(receive, "patient")
  await(function() return #seen == 2 end)
  table.sort(seen)
  c:send("one")
  patient:join()
  local done = 0
  lab.go(function()
    note("sent:" .. show(c:send("stale", 0.02)))
    done = done + 1
  end)
  lab.go(function()
    note("offered:" .. show(lab.select { { c, "send", "stale" }, timeout = 0.03 }))
    done = done + 1
  end)
  await(function() return done == 2 end)
  seen[#seen + 1] = "left:" .. show(c:recv(0))
  return lines(seen)
end

-- A writer that gives up lets in the readers behind it, if they come before that.
local function letIn(limit)
  local m, seen = lab.rwmutex(), {}
  m:rlock()
  local writer = lab.go(function()
    local result = show(m:lock(limit))
    seen[#seen + 1] = "writer:" .. result
  end)
  lab.sleep(0)
  local readers = {}
  for i = 1, 3 do
    readers[i] = lab.go(function()
      m:rlock()
      seen[#seen + 1] = "reader"
    end)
  end
  lab.sleep(0)
  seen[#seen + 1] = tostring(m)
  for i = 1, 3 do assert(readers[i]:join()) end
  writer:join()
  seen[#seen + 1] = tostring(m)
  for _ = 1, 4 do m:runlock() end
  seen[#seen + 1] = show(m:lock(0))
  return seen
end

routes["/writer"] = function()
  local limit = 0.03
  local seen
  repeat
    seen = letIn(limit)
    limit = 2 * limit
  until seen[1]:find("RWMutex", 1, true)
  return lines(seen)
end

-- ---- several things in one round ---------------------------------------------

local state = 1
local function random(n)
  state = state * 6364136223846793005 + 1442695040888963407
  return (state >> 33) % n + 1
end

-- The time of one that waits is over, it gets the lock and it is cancelled, in any
-- order and before it runs again: afterwards nobody has the lock who doesn't know it.
local function race(lock, unlock, try)
  local outcomes = { got = 0, timeout = 0, cancelled = 0 }
  for _ = 1, 300 do
    lock()
    local waiter = lab.go(function() return lock(random(3) * 0.0005) end)
    lab.sleep(0)
    lab.spin(random(4) * 0.0005)
    local steps = { unlock, function() waiter:cancel() end, function() lab.sleep(0) end }
    if random(2) == 1 then table.remove(steps, 2) end
    while #steps > 0 do table.remove(steps, random(#steps))() end
    local ok, result, why = waiter:join()
    if not ok then
      outcomes.cancelled = outcomes.cancelled + 1
    elseif result then
      outcomes.got = outcomes.got + 1
      unlock()
    else
      outcomes[why] = outcomes[why] + 1
    end
    if not try() then return "somebody has it" end
    unlock()
  end
  return outcomes.got > 0 and outcomes.timeout > 0 and outcomes.cancelled > 0 and "all"
    or ("%d %d %d"):format(outcomes.got, outcomes.timeout, outcomes.cancelled)
end

routes["/race/mutex"] = function()
  local m = lab.mutex()
  return race(function(limit) return m:lock(limit) end, function() m:unlock() end, function() return m:try_lock() end)
end
routes["/race/rwmutex"] = function()
  local m = lab.rwmutex()
  return race(function(limit) return m:lock(limit) end, function() m:unlock() end, function() return m:try_lock() end)
end
routes["/race/reader"] = function()
  local m = lab.rwmutex()
  local held = 0 -- the first one writes, the second one waits to read
  return race(function(limit)
    if not limit then m:lock() held = 1 return end
    return m:rlock(limit)
  end, function()
    if held == 1 then m:unlock() held = 0 else m:runlock() end
  end, function()
    held = m:try_lock() and 1 or 0
    return held == 1
  end)
end

-- Tasks that have little time send and receive what is counted: each value that was
-- sent is received once, and no other.
routes["/storm"] = function()
  local c, b, sent, got, senders, receivers = lab.channel(), lab.channel(2), {}, {}, {}, {}
  local timeouts, done = 0, false
  for i = 1, 8 do
    senders[i] = lab.go(function()
      for k = 1, 100 do
        local value, limit = i * 1000 + k, random(4) * 0.0002
        local ok
        if random(2) == 1 then
          ok = (random(2) == 1 and c or b):send(value, limit)
        else
          ok = lab.select { { c, "send", value }, { b, "send", value }, timeout = limit }
        end
        if ok then sent[value] = true else timeouts = timeouts + 1 end
      end
    end)
    receivers[i] = lab.go(function()
      while not done do
        local value, ok
        if random(2) == 1 then
          value, ok = (random(2) == 1 and c or b):recv(random(4) * 0.0002)
        else
          local which, what, is = lab.select { { c, "recv" }, { b, "recv" }, timeout = random(4) * 0.0002 }
          if which then value, ok = what, is end
        end
        if ok then
          assert(not got[value], "twice")
          got[value] = true
        else
          timeouts = timeouts + 1
        end
        if random(3) == 1 then lab.sleep(0.001) end
      end
    end)
  end
  for i = 1, 8 do assert(senders[i]:join()) end
  await(function() return #b == 0 end)
  done = true
  for i = 1, 8 do assert(receivers[i]:join()) end
  local n = 0
  for value in pairs(sent) do
    n = n + 1
    if not got[value] then return "lost " .. value end
  end
  for value in pairs(got) do
    if not sent[value] then return "from nowhere " .. value end
  end
  return n > 50 and timeouts > 50 and "all" or ("%d sent, %d timeouts"):format(n, timeouts)
end

-- ---- profiles ----------------------------------------------------------------

-- Calls f, and returns for how many ns.
local function clock(f, ...)
  local began = lab.now()
  f(...)
  return (lab.now() - began) * 1e9
end

local function waitForLock(m, limit) m:lock(limit) end
local function waitForReading(m, limit) m:rlock(limit) end
local function waitForWriting(m, limit) m:lock(limit) end
local function waitForValue(c, limit) c:recv(limit) end
local function waitForRoom(c, limit) c:send(1, limit) end
local function waitForEither(c, limit) lab.select { { c, "recv" }, timeout = limit } end
local function waitForGroup(g, limit) g:wait(limit) end
local function waitForTask(t, limit) t:join(limit) end
local function waitForProcess(p, limit) p:wait(limit) end

-- NAME NS a line; and then what the lock's keeper answers for.
routes["/measured"] = function(_, req)
  local limit = tonumber(req.query.ms) / 1000
  local m, rw, c, g, seen = lab.mutex(), lab.rwmutex(), lab.channel(), lab.wait_group(), {}
  local sleeper, process = lab.go(lab.sleep, 1000), assert(lab.spawn { "sleep", "1000" })
  m:lock()
  rw:lock()
  g:add(1)
  local function measure(name, f, on) seen[#seen + 1] = ("%s %.0f"):format(name, clock(f, on, limit)) end
  measure("waitForLock", waitForLock, m)
  measure("waitForReading", waitForReading, rw)
  measure("waitForWriting", waitForWriting, rw)
  measure("waitForValue", waitForValue, c)
  measure("waitForRoom", waitForRoom, c)
  measure("waitForEither", waitForEither, c)
  measure("waitForGroup", waitForGroup, g)
  measure("waitForTask", waitForTask, sleeper)
  measure("waitForProcess", waitForProcess, process)
  m:unlock()
  rw:unlock()
  sleeper:cancel()
  process:kill()
  return lines(seen)
end

-- Tasks that wait for what nobody else has: WITH a limit they go on by themselves.
routes["/lonely"] = function(_, req)
  local limit = req.query.limit and 1000 or nil
  for _ = 1, 5 do
    lab.go(function() lab.channel():recv(limit) end)
    lab.go(function() lab.select { { lab.channel(), "recv" }, timeout = limit } end)
    lab.go(function()
      local m = lab.mutex()
      m:lock()
      m:lock(limit)
    end)
  end
  lab.sleep(0)
end

-- N tasks in each kind of wait, with time for it, and what they wait for.
routes["/park"] = function(_, req)
  local n = math.tointeger(tonumber(req.query.n))
  local m, rw, g, c = lab.mutex("m"), lab.rwmutex(), lab.wait_group(), lab.channel(0, "c")
  local sleeper, process = lab.go(lab.sleep, 1000), assert(lab.spawn { "sleep", "1000" })
  m:lock()
  rw:rlock()
  g:add(1)
  for _ = 1, n do
    lab.go(sleeper.join, sleeper, 1000)
    lab.go(process.wait, process, 1000)
    lab.go(m.lock, m, 1000)
    lab.go(rw.lock, rw, 1000)
    lab.go(rw.rlock, rw, 1000)
    lab.go(g.wait, g, 1000)
    lab.go(c.recv, c, 1000)
    lab.go(function() lab.select { { c, "recv" }, timeout = 1000 } end)
  end
  lab.sleep(0)
end

return { request = function() end, routes = routes }
