-- SPDX-License-Identifier: MIT
-- Calls every function of lab, and every method of every class, with arguments that
-- nobody means, among them handles that are closed, ended, of another class, or
-- saved by a finalizer after they were finalized themselves.
--
--   /run?seed=N&calls=N  -> what was called how often, a name and a number a line
--   /names               -> the names of what it calls, one a line
--
-- It finds the functions by itself: in lab, and in tables within; string, table and
-- utf8 are called, too. Of methods a script can't ask for the names; calls.lua writes
-- them to methods.lua, as the reference has them, which tools/check-docs compares with
-- the library.

local CROWD = 8 -- calls at a time
local PATIENCE = 0.003 -- seconds; then a call that waits is cancelled
local HANDLES, SAVED = 40, 60 -- kept at most

-- ---- chance --------------------------------------------------------------------

local state = 1
local function random(n)
  state = state * 6364136223846793005 + 1442695040888963407
  return (state >> 33) % n + 1
end
local function pick(list) return list[random(math.max(#list, 1))] end

-- ---- what is called --------------------------------------------------------------

-- They keep the VM for as long as they are told to: only short ones are called.
local holds_vm = { ["lab.spin"] = true }

local functions, names = {}, {}
local function find_functions(prefix, t)
  for name, value in pairs(t) do
    local full = prefix .. "." .. tostring(name)
    if type(value) == "function" then
      functions[full] = value
      names[#names + 1] = full
    elseif type(value) == "table" then
      find_functions(full, value)
    end
  end
end
find_functions("lab", lab)
-- Lua's own, of which the lab has replaced some; not `math`, which can't go wrong.
find_functions("string", string)
find_functions("table", table)
find_functions("utf8", utf8)
table.sort(names)

local methods = lab.include "methods" -- "Task:join"

-- ---- handles -------------------------------------------------------------------

local handles, saved = {}, {}

-- A finalizer that saves what it is about to lose.
local function save(o)
  saved[random(math.min(#saved + 1, SAVED))] = o.handle
end
local function let_go(handle) setmetatable({ handle = handle }, { __gc = save }) end

local function keep(h)
  if type(h) ~= "userdata" then return end
  if random(3) == 1 then let_go(h) else handles[random(math.min(#handles + 1, HANDLES))] = h end
end
local function any_handle()
  return random(4) == 1 and saved[random(#saved + 1)] or handles[random(#handles + 1)]
end

local function collect()
  for _ = 1, 3 do lab.gc() lab.sleep(0.001) end
end

-- ---- arguments ------------------------------------------------------------------

local plain = {
  false, true, 0, -1, 1, 2, 7, 64, 1 << 16, 1 << 31, 1 << 62, math.mininteger, math.maxinteger,
  0.5, -0.5, 1e-9, 1e300, 1 / 0, -1 / 0, 0 / 0, "", "\0", "a", "%", "recv", "send", "KILL", "STOP", "r", "w", "a+",
  "pipe", "stdout",
  "127.0.0.1:0", "[::1]:0", "http://127.0.0.1:1/", "http://", "/", "..", "/etc/passwd", "\xff\xfe", ("x"):rep(70000),
  ("a"):rep(100), "key\0zero", "timeout", 30, "0x10", "1e1", "scenario.lua", "a\r\nb: c", "%s%n", 10 ^ 15, 2 ^ 53,
  "(a*)*b", "[^%w]+()", "%b()", "%f[%w]", ("(a)"):rep(40), ("a?"):rep(30), "[%", "%1", "^.-$",
}
local value
local piped = { "pipe", "pipe", "stdout", false, 7 }

local made = {
  function() return nil end,
  function() return {} end,
  function() return { "true" } end,
  function() return { "sleep", "60" } end,
  function() return { pick(plain), pick(plain) } end,
  function() return { timeout = pick(plain), headers = { a = pick(plain) }, method = pick(plain) } end,
  function() return { timeout = 0.001, nodelay = random(2) == 1 } end,
  function() return { backlog = pick(plain), nodelay = pick(plain) } end,
  function() return { timeout = 0.01, body = value(), headers = { [value() or 1] = value() } } end,
  function() return { stdin = pick(piped), stdout = pick(piped), stderr = pick(piped), reap = random(2) == 1 } end,
  function() return { input = value(), stdout = pick(piped), [pick(plain)] = value() } end,
  function() return { latency = pick(plain) } end,
  function() return { inline = pick(plain) } end,
  function() return { size = pick(plain), idle_timeout = pick(plain), name = value() } end,
  function() return { idle_timeout = pick(plain) } end,
  function() return { timeout = 0.01, stream = true } end,
  function() return { { any_handle(), "recv" }, { any_handle(), "send", 1 }, default = random(2) == 1 or nil } end,
  function() return { { any_handle(), "recv" }, { any_handle(), "send", 1 }, timeout = pick(plain) } end,
  function() return setmetatable({}, { __index = error, __len = function() return pick(plain) end }) end,
  function() return setmetatable({}, { __gc = save, __close = error, __tostring = error }) end,
  function() return function(...) return ... end end,
  function() return function() error(pick(plain)) end end,
  function() return function() lab.sleep(0.001) return any_handle() end end,
  function() return function() return setmetatable({}, { __tostring = function() lab.sleep(0) end }) end end,
  function() return lab.go end,
  any_handle, any_handle,
  function() return lab.rand end,
}
function value()
  if random(2) == 1 then return pick(plain) end
  return pick(made)()
end

-- An answer of a server that is there, in parts, by one of a few clients.
local place, clients
local function make_stream()
  place = place or "http://" .. lab.listen("127.0.0.1:0", function() return ("x"):rep(random(100000)) end):address()
  clients = clients or { lab.http.client { size = 2 }, lab.http.client { size = 1, name = "one" } }
  local client = pick(clients)
  if random(50) == 1 then
    client:close()
    clients = nil
  end
  return client:get(place, { stream = random(4) > 1, timeout = random(10) * 0.001 })
end

-- So that there are handles of each class, in good order.
local constructors = {
  function() return lab.go(value() or print, value()) end, function() return lab.go(lab.sleep, 0.002) end,
  function() return lab.go(lab.sleep, 0) end, function() return lab.after(0.001, function() end) end,
  function() return lab.every(0.001, function() end) end, lab.mutex, lab.rwmutex, lab.wait_group, lab.channel,
  function() return lab.channel(random(4)) end, lab.buffer, function() return lab.prng(random(9)) end,
  function() return lab.temp_file() end, function() return lab.open("scenario.lua") end,
  function() return lab.counter("hostile_total") end, function() return lab.gauge("hostile") end,
  function() return lab.profile("hostile.P" .. random(9)) end,
  function() return random(8) == 1 and lab.spawn { "true" } or lab.mutex() end,
  function() return random(8) == 1 and lab.spawn { "sleep", "60" } or lab.buffer() end,
  function() return lab.temp_file(lab.temp_dir { latency = 0.001 }, nil, { inline = random(2) == 1 }) end,
  function() return random(8) == 1 and lab.spawn({ "cat" }, { stdin = "pipe", stdout = "pipe" }) or lab.mutex() end,
  function() return random(8) == 1 and lab.spawn({ "yes" }, { stdout = "pipe" }) or lab.mutex() end,
  function() return random(8) == 1 and lab.spawn({ "true" }, { reap = false }) or lab.mutex() end,
  function() return random(8) == 1 and lab.spawn({ "cat" }, { input = value(), stdout = "pipe" }) or lab.mutex() end,
  function() return lab.listen("127.0.0.1:0", function() return "x" end, { idle_timeout = random(3) * 0.001 }) end,
  function() return lab.http.client { size = random(2), idle_timeout = random(3) * 0.001 } end,
  function() return make_stream() end,
  function() return lab.tcp.listen("127.0.0.1:0", { backlog = random(4) }) end,
  function() -- both ends of a connection, with something to read
    local listener = assert(lab.tcp.listen("127.0.0.1:0"))
    local near = assert(lab.tcp.connect(listener:address(), { nodelay = random(2) == 1 }))
    local far = assert(listener:accept())
    far:write("x")
    keep(far)
    return near
  end,
}

-- ---- calls ----------------------------------------------------------------------

local count

local function note(name) count[name] = (count[name] or 0) + 1 end
local function keep_all(results)
  for i = 1, results.n do keep(results[i]) end
end

local function call_function()
  local name = pick(names)
  note(name)
  if holds_vm[name] then return functions[name](random(2) == 1 and 0.0001 or -1) end
  keep_all(table.pack(functions[name](value(), value(), value(), value())))
end

-- A method by its name, of a handle of any class.
local function call_method()
  local h, name = any_handle(), pick(methods)
  note(name)
  if random(8) == 1 then local _ = tostring(h) end
  if random(16) == 1 then local _ = #h end
  if random(16) == 1 then local _ <close> = h end
  local method = h[name:match(":(.*)")]
  if random(4) == 1 then h = value() end -- of another class, or no handle
  keep_all(table.pack(method(h, value(), value(), value())))
end

local function call_something()
  local kind = random(10)
  if kind <= 3 then keep(pick(constructors)()) elseif kind <= 6 then call_function() else call_method() end
end

local function run(seed, calls)
  state, handles, saved, count = seed, {}, {}, {}
  local crowd = {}
  for i = 1, calls do
    crowd[#crowd + 1] = lab.go(pcall, call_something)
    if #crowd == CROWD or i == calls then
      for _, task in ipairs(crowd) do
        if task:join(PATIENCE) == nil then task:cancel() task:join(1) end
      end
      crowd = {}
    end
    if i % 200 == 0 then
      for k = 1, #handles, 2 do handles[k] = handles[#handles] handles[#handles] = nil end
      collect()
    end
  end
  local lines = {}
  for name, n in pairs(count) do lines[#lines + 1] = name .. " " .. n end
  return table.concat(lines, "\n") .. "\n"
end

return {
  limits = { memory = "200MB" },
  request = function() end,
  routes = {
    ["/names"] = function()
      local text = table.concat(names, "\n") .. "\n" .. table.concat(methods, "\n") .. "\n"
      return text
    end,
    ["/run"] = function(_, req)
      local text = run(math.tointeger(tonumber(req.query.seed)), math.tointeger(tonumber(req.query.calls)))
      return text
    end,
  },
}
