-- SPDX-License-Identifier: MIT
-- For tests/integration/test_sync.lua: locks, channels, select and timers. Each
-- route answers what it saw.

local routes = {}

-- Runs f(i) as n tasks and waits for all of them; returns their Tasks.
local function all(n, f)
  local tasks = {}
  for i = 1, n do tasks[i] = lab.go(f, i) end
  for i = 1, n do assert(tasks[i]:join()) end
  return tasks
end

-- The message of the error that f(...) raises, without its place.
local function problem(f, ...)
  local ok, message = pcall(f, ...)
  return ok and "no error" or (tostring(message):gsub("^[^ ]+:%d+: ", ""))
end

-- ---- locks -------------------------------------------------------------------

-- Never two at a time, and in the order in which they came.
routes["/mutex"] = function()
  local m, inside, worst, order = lab.mutex("m"), 0, 0, {}
  all(20, function(i)
    m:lock()
    inside = inside + 1
    if inside > worst then worst = inside end
    order[#order + 1] = i
    lab.sleep(0)
    inside = inside - 1
    m:unlock()
  end)
  return ("%d %s %s"):format(worst, table.concat(order, ","), tostring(m))
end

-- One who unlocks and locks again can't overtake those who wait.
routes["/fair"] = function()
  local m, greedy, modest = lab.mutex(), 0, 0
  local hog = lab.go(function()
    while true do
      m:lock()
      greedy = greedy + 1
      lab.sleep(0)
      m:unlock()
    end
  end)
  lab.sleep(0)
  for _ = 1, 100 do
    m:lock()
    modest = modest + 1
    m:unlock()
  end
  hog:cancel()
  return ("%d %d"):format(modest, greedy)
end

-- Readers together, writers alone; a writer that waits keeps new readers out.
routes["/rwmutex"] = function()
  local m, seen = lab.rwmutex(), {}
  local function note(text) seen[#seen + 1] = text end
  m:rlock()
  m:rlock()
  local writer = lab.go(function()
    m:lock()
    note("writer")
    m:unlock()
  end)
  lab.sleep(0)
  note(m:try_rlock() and "overtook" or "waits")
  local reader = lab.go(function()
    m:rlock()
    note("reader")
    m:runlock()
  end)
  lab.sleep(0)
  m:runlock()
  lab.sleep(0)
  note("last")
  m:runlock()
  writer:join()
  reader:join()
  note(m:try_lock() and "free" or "held")
  return table.concat(seen, " ")
end

-- A writer that is cancelled lets in the readers behind it.
routes["/rwmutex/cancel"] = function()
  local m, got = lab.rwmutex(), false
  m:rlock()
  local writer = lab.go(function() m:lock() end)
  lab.sleep(0)
  local reader = lab.go(function()
    m:rlock()
    got = true
  end)
  lab.sleep(0)
  writer:cancel()
  reader:join(1)
  return tostring(got)
end

routes["/wait_group"] = function()
  local g, done = lab.wait_group(), 0
  g:add(3)
  for _ = 1, 3 do
    lab.go(function()
      lab.sleep(0.01)
      done = done + 1
      g:done()
    end)
  end
  g:wait()
  g:wait()
  return tostring(done)
end

-- The lock is handed to a task that is cancelled before it runs: the next one
-- gets it.
routes["/handed"] = function()
  local m, got = lab.mutex(), {}
  m:lock()
  local function take(i)
    m:lock()
    got[#got + 1] = i
    m:unlock()
  end
  local first, second = lab.go(take, 1), lab.go(take, 2)
  lab.sleep(0)
  m:unlock()
  first:cancel()
  local ok, why = first:join()
  second:join(1)
  return ("%s %s %s"):format(ok, why:match("[^:]*$"), table.concat(got))
end

-- Waits in vain, cancels itself.
routes["/self"] = function()
  local c, me = lab.channel(), nil
  me = lab.go(function()
    me:cancel()
    c:recv()
  end)
  return tostring(me:join(1))
end

-- ---- channels ----------------------------------------------------------------

routes["/unbuffered"] = function()
  local c, got = lab.channel(), {}
  lab.go(function()
    for i = 1, 5 do c:send(i) end
    c:close()
  end)
  for v in c:range() do got[#got + 1] = v end
  local v, ok = c:recv()
  return ("%s %s %s"):format(table.concat(got, ","), v, ok)
end

routes["/buffered"] = function()
  local c, log = lab.channel(2), {}
  local sender = lab.go(function()
    for i = 1, 4 do
      c:send(i)
      log[#log + 1] = "s" .. i
    end
  end)
  lab.sleep(0)
  log[#log + 1] = ("%d/%d"):format(#c, c:cap())
  for _ = 1, 4 do
    local v = c:recv()
    log[#log + 1] = "r" .. v
  end
  sender:join()
  c:send("last")
  c:close()
  log[#log + 1] = tostring(c)
  log[#log + 1] = c:recv()
  log[#log + 1] = tostring(select(2, c:recv()))
  return table.concat(log, " ")
end

-- Values survive the collector on every way they can take.
routes["/values"] = function()
  local c, b, sum = lab.channel(), lab.channel(3), 0
  local function make(i) return { i, tostring(i):rep(100) } end
  local function check(v, i)
    assert(v[1] == i and v[2] == tostring(i):rep(100))
    sum = sum + 1
  end
  lab.go(function() for i = 1, 500 do c:send(make(i)) if i % 50 == 0 then lab.gc() end end end)
  lab.go(function() for i = 1, 500 do b:send(make(i)) if i % 70 == 0 then lab.gc() end end end)
  for i = 1, 500 do
    if i % 60 == 0 then lab.gc() end
    check(c:recv(), i)
    check(b:recv(), i)
  end
  return tostring(sum)
end

-- A pipeline of 100 stages, 100 values through it.
routes["/pipeline"] = function()
  local first = lab.channel()
  local from = first
  for i = 1, 100 do
    local input, output = from, lab.channel(i % 3)
    lab.go(function()
      for v in input:range() do output:send(v + 1) end
      output:close()
    end)
    from = output
  end
  lab.go(function()
    for i = 1, 100 do first:send(i) end
    first:close()
  end)
  local sum = 0
  for v in from:range() do sum = sum + v end
  return tostring(sum)
end

routes["/errors"] = function()
  local closed = lab.channel()
  closed:close()
  local held = lab.channel()
  local sender = lab.go(function() held:send(1) end)
  lab.sleep(0)
  held:close()
  local m, rw, g = lab.mutex(), lab.rwmutex(), lab.wait_group()
  local list = {
    problem(m.unlock, m), problem(rw.runlock, rw), problem(rw.unlock, rw), problem(g.done, g),
    problem(closed.send, closed, 1), problem(closed.close, closed), problem(closed.close),
    select(2, sender:join()):match(": ([^\n]*)"),
    problem(lab.select, { { closed, "send", 1 } }),
    problem(lab.channel, -1),
    problem(lab.select, { { closed, "receive" } }),
    problem(lab.select, { { 1, "recv" } }),
    problem(table.sort, { 1, 2 }, function() m:lock() m:lock() end),
  }
  return table.concat(list, "\n")
end

-- ---- select ------------------------------------------------------------------

routes["/select"] = function()
  local a, b, log = lab.channel(), lab.channel(1), {}
  local function note(...)
    local words = table.pack(...)
    for i = 1, words.n do words[i] = tostring(words[i]) end
    log[#log + 1] = table.concat(words, ",")
  end
  note(lab.select { { a, "recv" }, { b, "recv" }, default = true })
  note(lab.select { { a, "recv" }, { b, "send", "x" } })
  note(lab.select { { a, "recv" }, { b, "recv" } })
  lab.go(function() a:send("y") end)
  note(lab.select { { nil, "recv" }, { b, "recv" }, { a, "recv" } }) -- parked
  lab.go(function() note("got", a:recv()) end)
  note(lab.select { { b, "recv" }, { a, "send", "z" } })
  lab.sleep(0)
  lab.go(function() b:close() end)
  note(lab.select { { a, "recv" }, { b, "recv" } })
  return table.concat(log, " ")
end

-- Two selects meet each other; nothing is lost or doubled.
routes["/select/both"] = function()
  local a, b, sum = lab.channel(), lab.channel(), 0
  local sender = lab.go(function()
    for i = 1, 1000 do lab.select { { a, "send", i }, { b, "send", i } } end
  end)
  for _ = 1, 1000 do
    local _, v = lab.select { { b, "recv" }, { a, "recv" } }
    sum = sum + v
  end
  sender:join()
  return tostring(sum)
end

-- How often each of three cases that are always ready comes about, of 3000.
routes["/select/fair"] = function()
  local c, count = {}, { 0, 0, 0 }
  for i = 1, 3 do
    c[i] = lab.channel()
    c[i]:close()
  end
  for _ = 1, 3000 do
    local i = lab.select { { c[1], "recv" }, { c[2], "recv" }, { c[3], "recv" } }
    count[i] = count[i] + 1
  end
  return table.concat(count, " ")
end

-- A select that is cancelled leaves all its channels.
routes["/select/cancel"] = function()
  local a, b = lab.channel(), lab.channel()
  local task = lab.go(function() lab.select { { a, "recv" }, { b, "send", 1 } } end)
  lab.sleep(0)
  task:cancel()
  local sent = lab.select { { a, "send", 1 }, { b, "recv" }, default = true }
  return ("%s %s"):format(sent, task:join())
end

-- ---- timers --------------------------------------------------------------------

routes["/after"] = function()
  local called = 0
  local function call() called = called + 1 end
  local first, second, third = lab.after(0.02, call), lab.after(0.02, call), lab.after(0, call)
  local stopped, again = second:stop(), second:stop()
  lab.sleep(0.2)
  return ("%d %s %s %s %s %s %s"):format(called, stopped, again, first:stop(), third:stop(),
    tostring(first), tostring(second))
end

-- Stopped from within, and from outside; one that takes longer than its period
-- doesn't make up for it.
routes["/every"] = function()
  local ticks, slow, t, last = 0, 0, nil, nil
  t = lab.every(0.01, function()
    ticks = ticks + 1
    if ticks == 5 then last = t:stop() end
  end)
  local long = lab.every(0.01, function()
    slow = slow + 1
    lab.sleep(0.1)
  end)
  lab.sleep(0.5)
  local stopped = long:stop()
  local so_far = slow
  lab.sleep(0.2)
  return ("%d %s %s %d %d"):format(ticks, last, stopped, so_far, slow - so_far)
end

routes["/timer/errors"] = function()
  lab.after(0, function() error("on purpose", 0) end)
  lab.every(0.001, function() error("only once", 0) end)
  lab.sleep(0.1)
  return problem(lab.every, 0, print) .. "\n" .. problem(lab.after, -1, print)
end

-- ---- leaving with tasks parked -------------------------------------------------

local kept = {}

local kinds = {
  mutex = function() local m = lab.mutex() m:lock() return function() m:lock() end end,
  rlock = function() local m = lab.rwmutex() m:lock() return function() m:rlock() end end,
  wlock = function() local m = lab.rwmutex() m:rlock() return function() m:lock() end end,
  wait_group = function() local g = lab.wait_group() g:add(1) return function() g:wait() end end,
  send = function() local c = lab.channel() return function() c:send(c) end end,
  recv = function() local c = lab.channel() return function() c:recv() end end,
  select = function()
    local a, b = lab.channel(), lab.channel()
    return function() lab.select { { a, "recv" }, { b, "send", a } } end
  end,
  select_empty = function() return function() lab.select {} end end,
  sleep = function() return function() lab.sleep(1e6) end end,
  join = function()
    local one = lab.go(lab.sleep, 1e6)
    return function() one:join() end
  end,
  timer = function() return function() lab.after(1e6, print) end end,
  stubborn = function() -- doesn't take a no
    local c = lab.channel()
    return function() while true do pcall(c.recv, c) end end
  end,
}

-- /park?kind=recv&n=100: how many seconds the n tasks took to start.
routes["/park"] = function(_, req)
  local park = kinds[req.query.kind]()
  local n = math.tointeger(req.query.n)
  local began = lab.now()
  for _ = 1, n do lab.go(park) end
  kept[#kept + 1] = park
  lab.sleep(0)
  return ("%.3f"):format(lab.now() - began)
end

-- ---- Tasks that have ended -----------------------------------------------------

-- What join answers, also when others have run on the same coroutines since, and
-- when the collector has worked.
routes["/ended"] = function()
  local nothing, some, failed = lab.go(function() end), lab.go(function() return 1, nil, 3 end),
    lab.go(function() error("on purpose", 0) end)
  local early = lab.go(function() end)
  early:cancel()
  local late = lab.go(lab.sleep, 3600)
  local lines = { table.concat({ tostring((late:join(0.001))), (select(2, late:join(0))) }, " ") }
  late:cancel()
  local function look()
    local function show(...) return (table.concat({ tostring((...)), select("#", ...) }, " ")) end
    lines[#lines + 1] = table.concat({
      show(nothing:join()), show(some:join()), tostring((select(4, some:join()))), show(failed:join(1)),
      select(2, failed:join()):match("^on purpose\nstack traceback") and "whole" or "cut",
      show(early:join()), select(2, early:join()):match("task cancelled"),
      show(late:join()), select(2, late:join()):match("task cancelled"),
      tostring(nothing), tostring(late),
    }, ", ")
  end
  look()
  for _ = 1, 3 do
    local others = all(50, function() lab.sleep(0) end)
    look()
    lab.gc()
    look()
    for _, other in ipairs(others) do other:join() end
  end
  local first = table.remove(lines, 2)
  for i = 2, #lines do assert(lines[i] == first, lines[i]) end
  return lines[1] .. "\n" .. first
end

-- ---- what a method is called on ----------------------------------------------

-- Each kind of object's methods, called on everything that isn't such an object.
routes["/strangers"] = function()
  local task = lab.go(function() end)
  task:join()
  local objects = {
    { lab.mutex(), "lock" }, { lab.rwmutex(), "rlock" }, { lab.wait_group(), "wait" },
    { lab.channel(1), "send" }, { task, "join" },
  }
  local strangers = { 7, 1.5, "x", true, {}, function() end, lab.buffer() }
  for _, o in ipairs(objects) do strangers[#strangers + 1] = o[1] end
  local seen = {}
  for _, o in ipairs(objects) do
    local method = o[1][o[2]]
    seen[#seen + 1] = problem(method)
    seen[#seen + 1] = problem(method, nil)
    for _, stranger in ipairs(strangers) do
      if stranger ~= o[1] then seen[#seen + 1] = problem(method, stranger, o[1]) end
    end
  end
  return table.concat(seen, "\n")
end

return {
  request = function() end,
  routes = routes,
}
