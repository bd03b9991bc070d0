-- SPDX-License-Identifier: MIT
-- Memory of a step that was left, which is given back in the background, and the
-- limits of the steps after it.
local t = require "harness"
t.need("curl")

-- Step 41's requests don't end when they are cancelled, but soon after it: they
-- are given back in the background. Step 42 uses up all that it may have. Step
-- 43's file runs until step 41 is given back, and then needs some memory.
local FIRST = [[
local function stubborn() lab.sleep(30) end
return { request = function() stubborn() end }
]]
local FULL = [[
local kept = {}
local function fill() while true do kept[#kept + 1] = ("x"):rep(1 << 20) end end
return {
  limits = { memory = "48MiB" },
  enter = function() pcall(fill) end,
  request = function() return "full" end,
}
]]
local LAST = [[
local until_then = lab.now() + 2
while lab.now() < until_then do lab.sleep(0.01) end
local text = ("x"):rep(16 << 20)
return { request = function() return "read " .. #text end }
]]

local function start_with_steps(texts, ...)
  local dir = t.temp_dir()
  for name, text in pairs(texts) do
    t.run("mkdir " .. dir .. "/" .. name)
    t.write(dir .. "/" .. name .. "/scenario.lua", text)
  end
  return t.start_with({ dir, t.source .. "/scenarios" }, ...)
end

t.test("a step can be read while another one is being given back", function()
  local lab = start_with_steps({ ["41-first"] = FIRST, ["42-full"] = FULL, ["43-last"] = LAST }, "--step", "41")
  t.spawn("curl -s " .. lab.url .. "/")
  lab:wait_log("Starting processing")
  t.equal(lab:go_to(42).status, 200)
  local answer = lab:go_to(43)
  t.equal(answer.body, "switched to step 43")
  t.equal(lab:get("/").body, "read " .. (16 << 20))
  t.equal(lab:stop(), 0)
end)

-- Step 41 is TEXT, and answers with WANTED. Each allocation of its requests is sampled;
-- then it is left, and none may be in use any more.
local function leaves_nothing(text, wanted)
  local lab = start_with_steps({ ["41-words"] = text }, "--step", "41", "--memprofile-rate", "1")
  t.equal(lab:get("/").body, wanted)
  t.match(lab:get("/debug/pprof/heap?gc=1&debug=1").body, "words%.request")
  lab:go_to(0)
  t.eventually(function()
    local held = lab:get("/debug/pprof/heap?gc=1&since=start&debug=1").body
    return not held:find("\n[1-9]%d*: [1-9]%d* %[[^\n]*\n#[^@]-words%.")
  end)
  t.equal(lab:stop(), 0)
end

-- The table of all short strings, a megabyte for 100,000 of them, is Lua's.
t.test("short strings leave nothing in the heap profile", function()
  leaves_nothing([[
local words = {}
return { request = function() for i = 1, 100000 do words[i] = "word " .. i end return #words end }
]], "100000")
end)

-- What the lab keeps alive for C code is in a table of its own, which grows.
t.test("objects that C code keeps leave nothing in the heap profile", function()
  leaves_nothing([[
local kept, keys = {}, lab.profile("words.keys")
local function keep(n, make) for i = 1, n do kept[#kept + 1] = assert(make(i)) end end
return { request = function()
  local client = lab.http.client { size = 100 }
  keep(70, function() return lab.spawn({ "true" }, { reap = false }) end)
  keep(40, function() return lab.listen("127.0.0.1:0", function() return ("x"):rep(1 << 20) end) end)
  keep(40, function(i) return client:get("http://" .. kept[70 + i]:address() .. "/", { stream = true }) end)
  keep(60, function() local key = {} keys:add(key, 1) return key end)
  return #kept
end }
]], "210")
end)

t.test("a scenario.lua has a limit while it is read", function()
  local lab = start_with_steps {
    ["41-large"] = [[
local kept = {}
for i = 1, 128 do kept[i] = ("x"):rep(1 << 20) .. i end
return { request = function() return #kept end }
]] }
  local answer = lab:go_to(41)
  t.equal(answer.status, 500)
  t.match(answer.body, "/41%-large/scenario.lua:2: not enough memory: scenario.lua may take 64 MiB when it is read")
  t.equal(lab:stop(), 0)
end)

-- Requests of a step that fill its memory go on while it is left, and for a
-- second after it. The address space of the heap shows what they took.
t.test("a step that is left takes no more than it may", function()
  if t.is_sanitized() then return end -- it has another heap
  local FILLS = [[
local function fill() local kept = {} while true do kept[#kept + 1] = lab.buffer(1 << 20) end end
return { limits = { memory = "64MiB" }, request = function() while true do pcall(fill) end end }
]]
  local lab = start_with_steps({ ["41-fills"] = FILLS, ["42-fills"] = FILLS }, "--step", "41")
  local space = 0
  for i = 1, 8 do
    local clients = {}
    for c = 1, 4 do clients[c] = t.spawn("curl -s --max-time 60 " .. lab.url .. "/") end
    lab:work("vm", 0.2)
    t.eventually(function() return lab:go_to(41 + i % 2).status == 200 end)
    space = math.max(space, lab:vars()("HeapSys"))
    for _, client in ipairs(clients) do t.check(client:wait(90), "a client ends") end
  end
  t.between(space / (64 << 20), 1, 8, "times what a step may have")
  t.equal(lab:stop(), 0)
end)

-- The connections of its server are closed after the switch, in parts.
t.test("what clients have sent leaves nothing", function()
  if t.is_sanitized() then return end
  local lab = start_with_steps { ["41-bodies"] = [[
local kept = {}
return { request = function()
  local server = assert(lab.listen("127.0.0.1:0", function() lab.sleep(1000) end))
  local text = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\n" .. ("x"):rep(60000)
  for i = 1, 1000 do
    kept[i] = assert(lab.tcp.connect(server:address()))
    kept[i]:write(text, 0)
  end
  lab.sleep(0.1)
  return "sent"
end }
]] }
  local before = lab:rss()
  t.equal(lab:go_to(41).status, 200)
  t.equal(lab:get("/").body, "sent")
  t.check(lab:rss() > before + 40e6, "they are kept")
  t.equal(lab:leave().status, 200)
  t.eventually(function() return lab:rss() < before + 25e6 end, 20)
  t.equal(lab:stop(), 0)
end)

t.test("a file that is refused leaves nothing", function()
  if t.is_sanitized() then return end
  local lab, path = start_with_steps {}, t.temp_dir() .. "/large.gz"
  t.run("head -c 100000000 /dev/zero | gzip -1 >" .. path)
  local before = lab:rss()
  t.equal(lab:post("/lab/captures", "@" .. path).status // 100, 4)
  t.eventually(function() return lab:rss() < before + 25e6 end, 20)
  t.equal(lab:stop(), 0)
end)

-- Tables that fill the memory: to collect them takes seconds, whether the step itself
-- wants it, its limit, a profile or the switch. That doesn't delay the switch, and
-- nothing of them is left at last.
local TABLES = [[
local l
local function fill() while true do l = { l, {}, {} } end end
return {
  limits = { memory = "%dMiB" },
  request = function() lab.log("begins") pcall(fill) lab.log("filled") %s end,
}
]]
t.long("millions of tables", function()
  if t.is_sanitized() then return end
  local megabytes = tonumber(t.match(t.read("/proc/meminfo"), "MemTotal:%s+(%d+) kB")) // 1024
  local limit = math.min(megabytes // 3, 2048)
  local lab = start_with_steps {
    ["41-kept"] = TABLES:format(limit, "lab.sleep(100)"),
    ["42-full"] = TABLES:format(limit, "while true do pcall(fill) end"),
    ["43-collected"] = TABLES:format(limit, "while true do lab.gc() end"),
    ["44-profiled"] = TABLES:format(limit, "lab.sleep(100)"), ["45-filling"] = TABLES:format(limit, ""),
  }
  local before = lab:rss()
  for step, wanted in pairs { [41] = "filled", [42] = "filled", [43] = "filled", [44] = "filled", [45] = "begins" } do
    t.equal(lab:go_to(step).status, 200)
    local at = #lab:log()
    t.spawn(("curl -s -o /dev/null --max-time 120 %s/"):format(lab.url))
    lab:wait_log(wanted, 120, at)
    if step == 44 then t.spawn(("curl -s -o /dev/null '%s/debug/pprof/heap?gc=1'"):format(lab.url)) end
    if step == 45 then t.eventually(function() return lab:rss() > before + limit * 0.6e6 end) end
    t.sleep(0.3)
    local answer = lab:in_time(1, "step " .. step, function() return lab:leave("--max-time", "60") end)
    t.equal(answer.status, 200, answer.body)
    t.equal(lab:get("/").body, "hello world")
    t.eventually(function() return lab:rss() < before + 50e6 end, 120)
  end
  t.equal(lab:stop(), 0)
end)

-- A crowd of tasks, so that finalizers run only when the next step is served.
t.test("finalizers that run late have the limit of the step that was left", function()
  local CROWD = [[
local function wait() lab.sleep(1000) return 1 end
local function fill() return #("x"):rep(100 << 20) end
local held = setmetatable({}, { __gc = function() lab.log("finalized: %s %s", pcall(fill)) end })
return {
  limits = { memory = "64MiB" },
  enter = function() for _ = 1, 30000 do lab.go(wait) end end,
  request = function() return held and "crowd" end,
}
]]
  local ROOM = [[
return { limits = { memory = "500MiB" }, request = function() return "room" end }
]]
  local lab = start_with_steps({ ["41-crowd"] = CROWD, ["42-room"] = ROOM }, "--step", "41")
  t.equal(lab:get("/").body, "crowd")
  t.equal(lab:go_to(42).status, 200)
  lab:wait_log("finalized: ")
  t.has(lab:log(), "finalized: false not enough memory")
  t.equal(lab:get("/").body, "room")
  t.equal(lab:stop(), 0)
end)

t.finish()
