-- SPDX-License-Identifier: MIT
-- Scenarios as instructors meet them: written while the lab runs, broken,
-- running away.
local t = require "harness"
t.need("curl")
t.with_stuck()

local function write_scenario(dir, name, text)
  t.run("mkdir -p " .. dir .. "/" .. name)
  t.write(dir .. "/" .. name .. "/scenario.lua", text)
end

local function start(...)
  local dir = t.temp_dir()
  return t.start_with({ dir, t.source .. "/scenarios" }, ...), dir
end

t.test("a new folder is selected without restart, a changed one anew", function()
  local lab, dir = start()
  t.equal(lab:go_to(440).status, 400)
  write_scenario(dir, "440-fresh", "return { request = function() return 'one' end }")
  t.equal(lab:go_to(440).body, "switched to step 440")
  t.equal(lab:get("/").body, "one")
  write_scenario(dir, "440-fresh", "return { request = function() return 'two' end }")
  lab:go_to(440)
  t.equal(lab:get("/").body, "two")
  t.equal(lab:stop(), 0)
end)

t.test("what is broken is refused with file and line, and step 0 goes on", function()
  local lab, dir = start()
  local cases = {
    { "return {\n  request = function( end,\n}", "scenario.lua:2: " },
    { "return {\n  request = function() end,\n  tittle = 'x',\n}", "scenario.lua:3: unknown key 'tittle'" },
    { "return { title = 'x' }", "request is missing" },
    { "return 5", "returns one plain table" },
    { "return {\n  request = function() end,\n  difficulty = 9,\n}", "scenario.lua:3: difficulty must be" },
    { "return { request = function() end,\n enter = function() error('no luck') end }", "scenario.lua:2: no luck" },
    { "x = 1\nreturn { request = function() end }", "assignment to global 'x' (use local)" },
  }
  for i, case in ipairs(cases) do
    write_scenario(dir, "41-broken", case[1])
    local answer = lab:go_to(41)
    t.equal(answer.status, 500, "case " .. i)
    t.has(answer.body, case[2], "case " .. i)
    t.has(answer.body, "(step 0 is active)", "case " .. i)
    t.equal(lab:get("/").body, "hello world")
  end
  write_scenario(dir, "42-one", "return { request = function() end }")
  write_scenario(dir, "42-two", "return { request = function() end }")
  local twice = lab:go_to(42)
  t.equal(twice.status, 500)
  t.has(twice.body, "step 42 is there twice")
  t.equal(lab:stop(), 0)
end)

t.test("an error in a request is a 500 and a traceback in the log", function()
  local lab, dir = start()
  write_scenario(dir, "43-error", "local function deep() error('sorry') end\nreturn { request = function() deep() end }")
  lab:go_to(43)
  local answer = lab:get("/")
  t.equal(answer.status, 500)
  t.equal(answer.body, "internal server error (request id 1)\n", "the client needn't know more")
  t.match(lab:details(answer), "scenario.lua:1: sorry\n$")
  lab:wait_log("stack traceback:")
  t.has(lab:log(), "'deep'")
  t.equal(lab:stop(), 0)
end)

t.test("params: defaults, --param, /goto; wrong ones change nothing", function()
  local lab, dir = start("--param", "44.b=two")
  write_scenario(dir, "44-params", [[
return {
  params = { a = { 1, "a number" }, b = { "x", "a word" } },
  request = function(self) return self.params.a .. self.params.b end,
}]])
  lab:go_to(44)
  t.equal(lab:get("/").body, "1two")
  lab:go_to("44&a=7&b=%41")
  t.equal(lab:get("/").body, "7A")
  for _, query in ipairs { "a=x", "c=1", "a=1.5" } do
    local answer = lab:go_to("44&" .. query)
    t.equal(answer.status, 400, query)
    t.equal(lab:get("/").body, "7A")
  end
  t.equal(lab:stop(), 0)
end)

t.test("routes, status, headers, and what a request can see", function()
  local lab, dir = start()
  write_scenario(dir, "45-routes", [[
return {
  request = function() return "body", 418, { ["X-Lab"] = "yes", ["Content-Type"] = "text/x-lab" } end,
  routes = {
    ["/echo"] = function(_, req) return req.method .. " " .. req.path .. " " .. (req.query.q or "-") .. " " .. req.body end,
  },
}]])
  lab:go_to(45)
  local answer = lab:get("/")
  t.equal(answer.status, 418)
  t.equal(answer.headers["x-lab"], "yes")
  t.equal(answer.headers["content-type"], "text/x-lab")
  t.equal(lab:post("/echo?q=a%20b", "data").body, "POST /echo a b data")
  t.equal(lab:get("/other").status, 404)
  lab:go_to(0)
  t.equal(lab:get("/echo").status, 404)
  t.equal(lab:stop(), 0)
end)

t.test("headers that would not be headers are refused", function()
  local lab, dir = start()
  write_scenario(dir, "45-headers", [[
local bad = {
  { ["X Y"] = "z" }, { ["X\t"] = "z" }, { [" X"] = "z" }, { [""] = "z" }, { ["X:"] = "z" }, { ["X\0"] = "z" },
  { ["X\r\nY"] = "z" }, { ["X("] = "z" }, { ["X\xc3\xa4"] = "z" },
  { X = "a\r\nY: b" }, { X = "a\nb" }, { X = "a\0b" }, { X = "a\x7f" }, { X = {} }, { "X" }, { X = true },
  { ["Content-Type"] = ("t"):rep(128) }, { ["Content-Type"] = "a\r\nX: b" },
}
return { request = function(_, req)
  local n = tonumber(req.query.n)
  return "body", 200, n and bad[n] or { ["X-!#$%&'*+-.^_`|~0"] = "tab\t and \xc3\xa4", N = 1 }
end }]])
  lab:go_to(45)
  local good = lab:get("/")
  t.equal(good.status, 200)
  t.equal(good.headers["x-!#$%&'*+-.^_`|~0"], "tab\t and \xc3\xa4")
  t.equal(good.headers.n, "1")
  for n = 1, 18 do
    local refused = lab:get("/?n=" .. n)
    t.equal(refused.status, 500, n)
    local why = lab:details(refused)
    t.check(why:find("header", 1, true) or why:find("Content-Type", 1, true), why)
    t.equal(refused.headers.y, nil)
  end
  t.equal(lab:stop(), 0)
end)

-- /goto and /debug answer at once while a request never ends by itself: within
-- 100 ms by design, which a busy machine may take several times.
local LIMIT = 0.5

local function stays_usable(name, text, goto_status)
  t.test(name, function()
    local lab, dir = start()
    write_scenario(dir, "46-runaway", text)
    lab:go_to(46)
    t.spawn("curl -s " .. lab.url .. "/")
    lab:wait_log("Starting processing")
    if goto_status == 503 then lab:work("vm", 0.05) end -- it has got there
    t.equal(lab:get("/debug/vars").status, 200)
    for _ = 1, 5 do
      lab:in_time(LIMIT, "/debug", function() return lab:get("/debug/pprof/cmdline") end, 3)
    end
    local answer = lab:in_time(LIMIT, "/goto", function() return lab:leave() end)
    t.equal(answer.status, goto_status, answer.body)
    if goto_status == 200 then
      t.equal(lab:get("/", "--max-time", "60").body, "hello world")
    else
      t.match(answer.body, "can't be interrupted")
    end
    t.between(lab:end_in(5), 0, 0, "exit code")
  end)
end

stays_usable("while true do end", "return { request = function() while true do end end }", 200)
stays_usable("an endless loop in a comparator", [[
return { request = function() table.sort({ 3, 2, 1, 5, 4 }, function() while true do end end) end }]], 200)
stays_usable("an endless loop around pcall", [[
return { request = function() while true do pcall(function() while true do end end) end end }]], 200)
stays_usable("lab.spin", "return { request = function() lab.spin(60) end }", 200)
stays_usable("a pattern that takes for ever", [[
return { request = function() return (("a"):rep(60) .. "b"):find(("a?"):rep(60) .. ("a"):rep(60) .. "c") end }]], 200)
stays_usable("C code of somebody else's", [[
return { request = function() return ("x"):find("stuck 3600", 1, true) end }]], 503)

stays_usable("an endless handler of xpcall", [[
return { request = function() xpcall(function() while true do end end, function() while true do end end) end }]], 200)
stays_usable("an error object with an endless __tostring", [[
return { request = function() error(setmetatable({}, { __tostring = function() while true do end end })) end }]], 200)
stays_usable("lab.burn in a comparator", [[
return { request = function() table.sort({ 3, 2, 1, 5, 4 }, function(a, b) lab.burn(60) return a < b end) end }]], 200)
stays_usable("pcall around lab.burn", [[
return { request = function() while true do pcall(lab.burn, 0.02) end end }]], 200)

t.test("what a scenario starts late, or in a finalizer, ends with it", function()
  local lab, dir = start()
  write_scenario(dir, "47-late", [[
local function forever() while true do lab.sleep(0.05) lab.log("alive") end end
return { request = function() lab.sleep(0.3) lab.go(forever) lab.sleep(60) end }]])
  t.eventually(function() -- on a busy machine it is ended before it says so
    lab:go_to(47)
    local client = t.spawn("curl -s " .. lab.url .. "/")
    lab:wait_tasks("sleep", 1)
    lab:go_to(0)
    client:wait()
    t.eventually(function() return lab:get("/debug/pprof/goroutine?debug=1").body:find("total 0", 1, true) end)
    return lab:log():find("alive", 1, true)
  end)
  local _, before = lab:log():gsub("alive", "")
  t.sleep(0.3)
  local _, after = lab:log():gsub("alive", "")
  t.equal(after, before, "lines of a task whose step was left")

  write_scenario(dir, "48-finalizer", [[
return { request = function()
  setmetatable({}, { __gc = function()
    lab.go(function() while true do lab.sleep(0.01) lab.log("started by a finalizer") end end)
  end })
end }]])
  lab:go_to(48)
  lab:get("/")
  lab:go_to(0)
  t.has(lab:get("/debug/pprof/goroutine?debug=1").body, "total 0")
  _, before = lab:log():gsub("started by a finalizer", "")
  t.sleep(0.3)
  _, after = lab:log():gsub("started by a finalizer", "")
  t.equal(after, before, "lines of a task that a finalizer started")
  t.equal(lab:stop(), 0)
end)

-- enter gets the scenario's own table. What it makes of that must not keep the step
-- from being left, nor what it has taken from being given back.
t.test("a step that has changed its own table can be left", function()
  local lab, dir = start()
  local endless = "function() while true do end end"
  for i, change in ipairs {
    "self.leave = 5", "self.leave = setmetatable({}, { __call = " .. endless .. " })",
    "setmetatable(self, { __index = " .. endless .. " })",
    "self.routes = setmetatable({}, { __index = " .. endless .. ", __pairs = " .. endless .. " })",
    "self.params = setmetatable({}, { __index = " .. endless .. ", __pairs = " .. endless .. " })",
    "self.title, self.limits, self.request = setmetatable({}, { __tostring = " .. endless .. " }), 7, nil",
  } do
    write_scenario(dir, 500 + i .. "-changed", ([[
return {
  enter = function(self)
    for _ = 1, 5 do lab.go(lab.sleep, 600) end
    self.file = assert(lab.temp_file())
    %s
  end,
  request = function() end,
}]]):format(change))
    t.equal(lab:go_to(500 + i).status, 200, change)
    t.equal(lab:get("/status").status, 200, change)
    local answer = lab:in_time(1, "leaving", function() return lab:leave("--max-time", "60") end)
    t.equal(answer.body, "switched to step 0", change)
    t.equal(lab:get("/").body, "hello world", change)
    t.has(lab:get("/debug/pprof/goroutine?debug=1").body, "total 0")
    t.has(lab:get("/debug/pprof/lab.OpenFiles?debug=1").body, "total 0")
  end
  t.has(lab:log(), "step 501: leave failed: it is a number")
  t.equal(lab:stop(), 0)
end)

t.test("a step at its memory limit says so, and can be left", function()
  local lab, dir = start()
  write_scenario(dir, "49-full", [[
local kept = {}
return {
  limits = { memory = "20MB" },
  request = function() for size = 16, 0, -1 do
    while pcall(function() kept[#kept + 1] = ("x"):rep(1 << size) .. #kept end) do end
  end kept[#kept + 1] = ("x"):rep(1 << 20) end,
}]])
  t.equal(lab:go_to(49).status, 200)
  local answer = lab:get("/", "--max-time", "30")
  t.equal(answer.status, 500)
  t.has(lab:details(answer), "not enough memory")
  t.equal(lab:go_to(0).status, 200)
  t.equal(lab:get("/").body, "hello world")
  t.equal(lab:stop(), 0)
end)

t.test("scenarios can't change what others see", function()
  local lab, dir = start()
  local cases = {
    "select(2, pairs(string)).match = nil",
    "string.match = nil",
    "rawset(string, 'match', nil)",
    "getmetatable('').__index = nil",
    "getmetatable(req).__index = nil",
    "getmetatable(lab.rand).__index = nil",
    "for k in pairs(lab) do lab[k] = nil end",
    "load('x = 1')()",
    "load(string.dump and string.dump(function() end) or '\\27Lua')()",
    "local e = select(2, pcall(error, setmetatable({}, { __index = function() end }))) _G.print = e",
  }
  for i, case in ipairs(cases) do
    write_scenario(dir, "50-escape", "return { request = function(self, req) " .. case .. " end }")
    t.equal(lab:go_to(50).status, 200, case)
    lab:get("/")
    write_scenario(dir, "51-check", [[
return { request = function(self, req)
  return (("abc"):match("b") or "") .. (req.query.q or "") .. tostring(x) .. type(lab.buffer) .. type(print)
end }]])
    t.equal(lab:go_to(51).status, 200, "case " .. i)
    t.equal(lab:get("/?q=z").body, "bznilfunctionfunction", case)
  end
  write_scenario(dir, "52-meta", "return setmetatable({ request = function() end }, { __index = error })")
  t.has(lab:go_to(52).body, "returns one plain table")
  t.equal(lab:stop(), 0)
end)

t.test("a buffer closed while it is filled stays whole", function()
  local lab, dir = start()
  write_scenario(dir, "53-close", [[
return { request = function()
  local task
  do
    local b <close> = lab.buffer()
    task = lab.go(function() lab.copy_n(b, lab.prng(1), 50000000) end)
    lab.sleep(0)
  end
  assert(task:join())
end }]])
  lab:go_to(53)
  t.equal(lab:get("/").body, "hello world")
  t.equal(lab:stop(), 0)
end)

t.test("wrong answers are errors", function()
  local lab, dir = start()
  for answer, message in pairs {
    ["{}"] = "a table as body", ["'x', 'y'"] = "a status that is no number", ["'x', 99"] = "a status",
    ["'x', 200, 5"] = "request returned a number as headers instead of a table",
  } do
    write_scenario(dir, "54-wrong", "return { request = function() return " .. answer .. " end }")
    lab:go_to(54)
    local got = lab:get("/")
    t.equal(got.status, 500, answer)
    t.has(lab:details(got), message)
  end
  write_scenario(dir, "54-wrong", "return { request = function() return 'x', 200, { ['Transfer-Encoding'] = 'chunked' } end }")
  lab:go_to(54)
  t.equal(lab:get("/").body, "x")
  t.equal(lab:stop(), 0)
end)

t.finish()
