-- SPDX-License-Identifier: MIT
-- Calls every function of lab, and every method, with arguments that nobody means,
-- among them handles that are closed, ended, or saved by a finalizer.
--   /resurrect   handles of Tasks and Processes that a finalizer has saved
--   /fuzz?seed=N&calls=N

local saved = {}
local function save(o) saved[#saved + 1] = o.handle end
local function let_go(handle) setmetatable({ handle = handle }, { __gc = save }) end

local function collect()
  for _ = 1, 3 do lab.gc() lab.sleep(0.001) end
end

local function resurrect()
  saved = {}
  for _ = 1, 50 do let_go(lab.go(function() lab.sleep(0.2) end)) end
  local forever
  for _ = 1, 2 do let_go(lab.go(function() forever = true lab.sleep(3600) return "never" end)) end
  collect()
  local lines = { ("%d saved"):format(#saved) }
  lab.sleep(0.5)
  for _ = 1, 200 do lab.go(function() lab.sleep(0.01) end) end -- where the ended ones were
  local ended = 0
  for _, task in ipairs(saved) do
    if tostring(task) == "Task (ended)" or select(2, task:join(0)) ~= "timeout" then
      ended = ended + 1
      task:cancel()
    else
      task:cancel()
      lines[#lines + 1] = "cancelled: " .. tostring(select(2, task:join(5)))
    end
  end
  lines[#lines + 1] = ("%d ended of %s"):format(ended, tostring(forever))
  saved = {}
  do
    local process = assert(lab.spawn { "sh", "-c", "exit 7" })
    process:wait()
    let_go(process)
  end
  collect()
  lines[#lines + 1] = "exit " .. tostring(saved[1]:wait())
  return table.concat(lines, "\n")
end

-- ---- the generator -------------------------------------------------------------

local state = 1
local function random(n)
  state = (state * 6364136223846793005 + 1442695040888963407)
  return (state >> 33) % n + 1
end
local function pick(list) return list[random(math.max(#list, 1))] end

local handles = {}
local function keep(h)
  if type(h) ~= "userdata" then return end
  if random(3) == 1 then let_go(h) else handles[random(math.min(#handles + 1, 40))] = h end
end

local plain = {
  false, true, 0, -1, 1, 2, 7, 64, 1 << 16, 1 << 31, 1 << 62, math.mininteger, math.maxinteger,
  0.5, -0.5, 1e-9, 1e300, 1 / 0, -1 / 0, 0 / 0, "", "\0", "a", "%", "recv", "send", "KILL", "STOP", "r", "w", "a+",
  "127.0.0.1:0", "[::1]:0", "http://127.0.0.1:1/", "http://", "/", "..", "/etc/passwd", "\xff\xfe", ("x"):rep(70000),
  ("a"):rep(100), "key\0zero", "timeout", 30, "0x10", "1e1",
}
local made = {
  function() return nil end,
  function() return {} end,
  function() return { "true" } end,
  function() return { "sleep", "60" } end,
  function() return { pick(plain), pick(plain) } end,
  function() return { timeout = pick(plain), headers = { a = pick(plain) }, method = pick(plain) } end,
  function() return { { pick(handles), "recv" }, { pick(handles), "send", 1 }, default = random(2) == 1 or nil } end,
  function() return setmetatable({}, { __index = error, __len = function() return pick(plain) end }) end,
  function() return setmetatable({}, { __gc = save, __close = error, __tostring = error }) end,
  function() return function(...) return ... end end,
  function() return function() error(pick(plain)) end end,
  function() return function() lab.sleep(0.001) return pick(handles) end end,
  function() return lab.go end,
  function() return pick(handles) end,
  function() return saved[random(#saved + 1)] end,
  function() return lab.rand end,
}
local function value()
  if random(2) == 1 then return pick(plain) end
  return pick(made)()
end

local constructors = {
  function() return lab.go(value() or print, value()) end, function() return lab.go(lab.sleep, 0.002) end,
  function() return lab.go(lab.sleep, 0) end, function() return lab.after(0.001, function() end) end,
  function() return lab.every(0.001, function() end) end, lab.mutex, lab.rwmutex, lab.wait_group, lab.channel,
  function() return lab.channel(random(4)) end, lab.buffer, function() return lab.prng(random(9)) end,
  function() return lab.temp_file() end, function() return lab.open("scenario.lua") end,
  function() return lab.counter("hostile_total") end, function() return lab.gauge("hostile") end,
  function() return lab.spawn { "true" } end, function() return lab.spawn { "sleep", "60" } end,
  function() return lab.listen("127.0.0.1:0", function() return "x" end) end,
  function() return lab.tcp.listen("127.0.0.1:0") end,
  function()
    local listener <close> = assert(lab.tcp.listen("127.0.0.1:0"))
    local near = assert(lab.tcp.connect(listener:address()))
    keep(listener:accept())
    return near
  end,
}

local methods = {
  "join", "cancel", "stop", "lock", "unlock", "try_lock", "rlock", "runlock", "try_rlock", "add", "done", "wait",
  "send", "recv", "range", "close", "len", "cap", "write", "grow", "reset", "string", "read", "seek", "path", "sync",
  "set", "pid", "kill", "address", "size", "accept", "shutdown", "set_nodelay", "local_address", "remote_address",
}

local functions = {}
for name, f in pairs(lab) do
  -- spin keeps the VM for as long as it is told to.
  if type(f) == "function" and name ~= "spin" then functions[#functions + 1] = name end
end
local inner = { ["http.get"] = lab.http.get, ["tcp.connect"] = lab.tcp.connect, ["tcp.listen"] = lab.tcp.listen }
for name in pairs(inner) do functions[#functions + 1] = name end
table.sort(functions)

local function call_function()
  local name = pick(functions)
  local f = inner[name] or lab[name]
  local results = table.pack(f(value(), value(), value(), value()))
  for i = 1, results.n do keep(results[i]) end
end

local function call_method()
  local h = pick(handles) or saved[random(#saved + 1)]
  if random(8) == 1 then local _ = tostring(h) end
  if random(16) == 1 then local _ <close> = h end
  local results = table.pack(h[pick(methods)](h, value(), value(), value()))
  for i = 1, results.n do keep(results[i]) end
end

local function call_something()
  local kind = random(10)
  if kind <= 3 then keep(pick(constructors)()) elseif kind <= 6 then call_function() else call_method() end
end

local function fuzz(seed, calls)
  state = seed
  for i = 1, calls do
    local task = lab.go(pcall, call_something)
    if task:join(0.003) == nil then task:cancel() task:join(1) end
    if i % 200 == 0 then
      handles = {}
      collect()
      while #saved > 100 do saved[#saved] = nil end
    end
  end
  return calls .. " calls"
end

return {
  limits = { memory = "200MB" },
  request = function() end,
  routes = {
    ["/resurrect"] = resurrect,
    ["/fuzz"] = function(_, req)
      local text = fuzz(math.tointeger(tonumber(req.query.seed)), math.tointeger(tonumber(req.query.calls)))
      return text
    end,
  },
}
