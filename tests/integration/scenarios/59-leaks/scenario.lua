-- SPDX-License-Identifier: MIT
-- Tasks of which it is known whether anybody can wake them: where there is a
-- difference, the leaked ones run functions called lost*, and the others live*.
local kept = lab.channel()
local kept_lock = lab.rwmutex()
local weak = setmetatable({}, { __mode = "v" })
local weak_keys = setmetatable({}, { __mode = "k" })
local keep = {} -- what is put here can be reached

local function lost(c) c:recv() end
local function live(c) c:recv() end

-- A task that goes on by itself, and has these.
local function owner(...) lab.go(function(...) lab.sleep(1000) return ... end, ...) end

local cases = {}

-- ---- channels ----------------------------------------------------------------

function cases.dropped()
  for _ = 1, 10 do lab.go(lost, lab.channel()) end
end

function cases.reachable()
  for _ = 1, 7 do lab.go(live, kept) end
end

function cases.send()
  local function lostSend(c) c:send(1) end
  lab.go(lostSend, lab.channel())
  lab.go(function() kept:send(1) end)
end

-- The second waits for a channel that only the first, itself leaked, has.
function cases.chain()
  local a, b = lab.channel(), lab.channel()
  local function lostFirst()
    a:recv()
    b:send(1)
  end
  lab.go(lostFirst)
  lab.go(lost, b)
end

-- A live one in place of the first: both will go on.
function cases.live_chain()
  local b = lab.channel()
  lab.go(function() kept:recv() b:send(1) end)
  lab.go(live, b)
end

-- What is in the buffer of a channel can be received.
function cases.buffered()
  local box, c, d = lab.channel(2), lab.channel(), lab.channel(1)
  box:send(c)
  d:send(lab.channel())
  keep[#keep + 1] = box
  lab.go(live, c)
  lab.go(lost, d:recv())
end

-- ---- select ------------------------------------------------------------------

function cases.select()
  local c = lab.channel()
  local function liveSelect() lab.select { { c, "recv" }, { lab.channel(), "recv" }, { kept, "recv" } } end
  local function lostSelect() lab.select { { lab.channel(), "recv" }, { lab.channel(), "send", 1 } } end
  local function lostEmpty() lab.select {} end
  local function lostNever() lab.select { { nil, "recv" }, { nil, "send", 1 } } end
  lab.go(liveSelect)
  lab.go(live, c) -- which the first, that is alive, has
  for _ = 1, 2 do lab.go(lostSelect) end
  lab.go(lostEmpty)
  lab.go(lostNever)
end

-- ---- locks -------------------------------------------------------------------

function cases.mutex()
  local m = lab.mutex()
  lab.go(function() m:lock() end)
  local function lostLock() m:lock() end
  lab.go(lostLock)
end

function cases.deadlock()
  local a, b = lab.mutex("a"), lab.mutex("b")
  local function lostBoth(mine, yours)
    mine:lock()
    lab.sleep(0)
    yours:lock()
  end
  lab.go(lostBoth, a, b)
  lab.go(lostBoth, b, a)
end

function cases.rwmutex()
  local written, read = lab.rwmutex(), lab.rwmutex()
  written:lock()
  read:rlock()
  kept_lock:lock()
  local function lostReader() written:rlock() end
  local function lostWriter() read:lock() end
  local function lostBehind() read:rlock() end -- the writer
  for _ = 1, 2 do lab.go(lostReader) end
  lab.go(lostWriter)
  for _ = 1, 3 do lab.go(lostBehind) end
  lab.go(function() kept_lock:rlock() end)
  lab.go(function() kept_lock:lock() end)
end

function cases.wait_group()
  local dropped, held = lab.wait_group(), lab.wait_group()
  dropped:add()
  held:add()
  local function lostWait() dropped:wait() end
  for _ = 1, 2 do lab.go(lostWait) end
  lab.go(function() held:wait() end)
  owner(held)
end

-- ---- other tasks -------------------------------------------------------------

function cases.join()
  local function lostJoin() lab.go(lost, lab.channel()):join() end
  local function liveJoin() lab.go(lab.sleep, 1000):join() end
  local function patient() lab.go(lost, lab.channel()):join(1000) end
  lab.go(lostJoin)
  lab.go(liveJoin)
  lab.go(patient) -- goes on by itself
end

-- Each joins the one before: as alive as the first is.
function cases.joins(self)
  local function liveRow(before) before:join() end
  local function lostRow(before) before:join() end
  local alive, dead = lab.go(lab.sleep, 1000), lab.go(lost, lab.channel())
  for i = 1, self.params.joins do
    alive, dead = lab.go(liveRow, alive), lab.go(lostRow, dead)
    if i % 1000 == 0 then lab.sleep(0) end
  end
end

-- One whose Task somebody has can be cancelled.
function cases.task()
  owner(lab.go(live, lab.channel()))
  lab.go(lost, lab.channel())
end

-- What a task that ended has returned can be asked for.
function cases.result()
  local function make()
    local c = lab.channel()
    lab.go(live, c)
    return c
  end
  keep[#keep + 1] = lab.go(make)
end

-- ---- who has it --------------------------------------------------------------

function cases.sleeper()
  local c = lab.channel()
  lab.go(live, c)
  lab.go(function() lab.sleep(1000) c:send(1) end)
end

function cases.timers()
  local once, often, stopped = lab.channel(), lab.channel(), lab.channel()
  local function lostStopped() stopped:recv() end
  lab.go(live, once)
  lab.go(live, often)
  lab.go(lostStopped)
  lab.after(1000, function() once:send(1) end)
  lab.every(1000, function() often:send(1) end)
  local function send() stopped:send(1) end
  lab.after(1000, send):stop()
  lab.every(1000, send):stop()
end

function cases.upvalues()
  local c, d = lab.channel(), lab.channel()
  local function inner() return c end
  local function outer() return inner() end
  owner(outer)
  lab.go(live, c)
  local function unused() return d end
  local function lostUpvalue() unused():recv() end
  lab.go(lostUpvalue)
end

function cases.metatables()
  local c, d, e = lab.channel(), lab.channel(), lab.channel()
  owner(setmetatable({}, { __index = { c } }), setmetatable({}, setmetatable({}, { d })), { [e] = true })
  for _, one in ipairs { c, d, e } do lab.go(live, one) end
end

function cases.varargs()
  local c, d = lab.channel(), lab.channel()
  local function hasExtra(...) lab.sleep(1000) return select(2, ...) end
  lab.go(hasExtra, 1, c)
  lab.go(live, c)
  owner(nil, false, { { { d } } })
  lab.go(live, d)
end

function cases.weak()
  local function lostWeak(c) c:recv() end
  weak[1], weak_keys[lab.channel()] = lab.channel(), true
  lab.go(lostWeak, weak[1])
  lab.go(lostWeak, (next(weak_keys)))
end

-- A value under a weak key is there for whoever has the key: so keys[3] leads
-- to keys[2], and that to keys[1], but nothing leads to the other one.
function cases.ephemerons()
  local keys, other, c, d = { {}, {}, {} }, {}, lab.channel(), lab.channel()
  local tables = {}
  for i = 1, 4 do tables[i] = setmetatable({}, { __mode = "k" }) end
  tables[1][keys[1]] = c
  tables[2][keys[2]] = keys[1]
  tables[3][keys[3]] = keys[2]
  tables[4][other] = d
  tables[4]["no object"] = kept
  owner(tables, keys[3])
  local function lostUnderKey(channel, key) channel:recv() return key end
  lab.go(live, c)
  lab.go(lostUnderKey, d, other)
end

function cases.modules(self)
  lab.go(live, lab.include("module").channel())
  self.mine = lab.channel() -- the step's own table
  lab.go(live, self.mine)
end

-- ---- what is outside Lua -----------------------------------------------------

-- A server's handler can be called, as long as it listens.
function cases.server()
  local c, d = lab.channel(), lab.channel()
  assert(lab.listen("127.0.0.1:0", function() c:send(1) end))
  assert(lab.listen("127.0.0.1:0", function() d:send(1) end)):close()
  local function lostServer() d:recv() end
  lab.go(live, c)
  lab.go(lostServer)
end

-- Whom the network, a process or a worker will wake is not leaked.
function cases.outside()
  local quiet = assert(lab.listen("127.0.0.1:0", function() lab.sleep(1000) end))
  lab.go(function() lab.http.get("http://" .. quiet:address() .. "/") end)
  lab.go(function() assert(lab.spawn { "sleep", "1000" }):wait() end)
  lab.go(lab.burn, 3)
end

-- ---- many things -------------------------------------------------------------

-- Deep, wide, and a deep recursion.
function cases.large()
  local c, d, e = lab.channel(), lab.channel(), lab.channel()
  local list, wide = { c }, {}
  for _ = 1, 200000 do list = { list } end
  for i = 1, 200000 do wide[i], wide["k" .. i] = i, { i } end
  wide.last = { d }
  local function dive(n, ...)
    if n == 0 then lab.sleep(1000) else dive(n - 1) end
    return ...
  end
  owner(list, wide)
  lab.go(dive, 30000, e)
  for _, one in ipairs { c, d, e } do lab.go(live, one) end
end

-- As much memory as the step may have.
function cases.full()
  local bytes = {}
  pcall(function()
    for i = 1, math.huge do bytes[i] = { ("x"):rep(1000) .. i } end
  end)
  bytes[#bytes] = nil
  keep[#keep + 1] = bytes
end

-- For measurements: so many tasks that wait, and tables.
function cases.many(self)
  local list = {}
  for i = 1, self.params.many do
    list[i] = {}
    lab.go(live, kept)
    if i % 1000 == 0 then lab.sleep(0) end
  end
  owner(list)
end

local routes = {}
for name, case in pairs(cases) do
  routes["/" .. name] = function(self)
    case(self)
    lab.sleep(0.05) -- they park
    return "ok\n"
  end
end

return {
  title = "Leaked tasks",
  limits = { memory = "256MiB" },
  params = {
    joins = { 100000, "in a row" },
    many = { 100000, "tasks" },
    tables = { 0, "that enter makes" },
    enter = { 0, "seconds" },
  },
  enter = function(self)
    for i = 1, self.params.tables do keep[i] = {} end
    lab.sleep(self.params.enter)
  end,
  request = function() end,
  routes = routes,
}
