-- SPDX-License-Identifier: MIT
-- An instructor's mistakes: each must be told with its file and line, and with
-- what was probably meant.
local t = require "harness"
local exercise = require "exercise"
t.need("curl")

local function write_scenario(dir, name, text)
  t.run("mkdir -p " .. dir .. "/" .. name)
  t.write(dir .. "/" .. name .. "/scenario.lua", text)
end

local function start(...)
  local dir = t.temp_dir()
  return t.start_with({ dir, t.source .. "/scenarios" }, ...), dir
end

-- ---- memory -------------------------------------------------------------------

local FULL = [[
local kept = {}
local function fill() for i = 1, 1e9 do kept[i] = { i } end end
return {
  limits = { memory = "32MB" },
  request = function(self, req)
    local how = req.query.how
    if how == "lua" then
      fill()
    elseif how == "buffer" then
      lab.buffer(100000000)
    elseif how == "copy" then
      assert(lab.copy_n(lab.buffer(), lab.prng(1), 100000000))
    elseif how == "write" then
      return (select(2, lab.buffer():grow(100000000)))
    elseif how == "task" then
      return (select(2, lab.go(fill):join()))
    elseif how == "stack" then
      local function deeper(n) return 1 + deeper(n + 1) end
      return deeper(1)
    end
  end,
}]]

t.test("memory that is out: where, and what the limit is", function()
  local lab, dir = start()
  write_scenario(dir, "40-full", FULL)
  local cases = {
    lua = "40-full/scenario.lua:2: not enough memory: the step has 32 MB (limits.memory)\n",
    buffer = "40-full/scenario.lua:10: not enough memory for a buffer of 100000000 bytes: the step has 32 MB (limits.memory)\n",
    copy = "40-full/scenario.lua:12: not enough memory: the step has 32 MB (limits.memory)\n",
    write = "not enough memory: the step has 32 MB (limits.memory)",
    task = "40-full/scenario.lua:2: not enough memory: the step has 32 MB (limits.memory)\nstack traceback:",
    stack = "40-full/scenario.lua:18: not enough memory: the step has 32 MB (limits.memory)\n",
  }
  for how, message in pairs(cases) do
    t.equal(lab:go_to(40).status, 200, how)
    local answer = lab:get("/?how=" .. how)
    t.has(answer.status == 500 and lab:details(answer) or answer.body, message, how)
    t.equal(answer.status, (how == "write" or how == "task") and 200 or 500, how)
  end
  t.match(lab:log(), "request / failed: [^\n]+40%-full/scenario.lua:2: not enough memory[^\n]+\nstack traceback:\n[^\n]+'fill'")
  t.equal(lab:go_to(0).status, 200)
  t.equal(lab:stop(), 0)
end)

t.test("memory that is out in enter, while loading, and without a limit of the step's own", function()
  local lab, dir = start()
  write_scenario(dir, "41-enter", [[
return {
  limits = { memory = "20MB" },
  request = function() end,
  enter = function(self)
    self.t = {}
    for i = 1, 1e9 do self.t[i] = { i } end
  end,
}]])
  local answer = lab:go_to(41)
  t.equal(answer.status, 500)
  t.has(answer.body, "41-enter/scenario.lua:6: not enough memory: the step has 20 MB (limits.memory) (step 0 is active)")
  write_scenario(dir, "42-machine", "return { request = function() return lab.buffer(1 << 60) end }")
  t.equal(lab:go_to(42).status, 200)
  local small = lab:get("/status").body:match '"memory_bytes": (%d+)' ~= tostring(2 << 30) -- a machine of 4 GiB
  t.match(lab:details(lab:get("/")), "42%-machine/scenario.lua:1: not enough memory for a buffer of %d+ bytes: "
    .. "the step has " .. (small and "[%d.]+ %S+, half of the machine's\n" or "2 GiB, as limits%.memory isn't set\n"))
  t.equal(lab:go_to(0).status, 200)
  t.equal(lab:stop(), 0)
end)

-- ---- names --------------------------------------------------------------------

t.test("names that don't exist: file, line, and the nearest one", function()
  local lab, dir = start()
  local cases = {
    { "lab.chanel()", "lab has no 'chanel'; did you mean 'channel'?" },
    { "return lab.frobnicate", "lab has no 'frobnicate'\n" },
    { "return lab[1]", "lab has no number key" },
    { "lab.http.post('http://localhost/')", "lab.http has no 'post'" },
    { "lab.http.get('http://localhost/', { timout = 1 })",
      "lab.http.get has no option 'timout'; did you mean 'timeout'?" },
    { "lab.spawn { 'true', cwd = '/' }", "lab.spawn has no option 'cwd'" },
    { "local t = { default = true } for i = 1, 200 do t[-i] = i end lab.select(t)",
      "lab.select has no option that isn't a string, but there are more than" },
    { "local t = {} for i = 1, 200 do t[-i] = i end lab.spawn({ 'true' }, t)",
      "lab.spawn has no option that isn't a string, but there are more than" },
    { "lab.select { { nil, 'recv' }, defualt = true }", "lab.select has no option 'defualt'; did you mean 'default'?" },
    { "return self.params.siez", "self.params has no 'siez'; did you mean 'size'?" },
    { "self.params.siez = 3", "self.params has no 'siez'; did you mean 'size'?" },
    { "lab.mutex():lokc()", "a lab.Mutex has no 'lokc'; did you mean 'lock'?" },
    { "return lab.channel().size", "a lab.Channel has no 'size'" },
    { "lab.log('%d', 'x')", "lab.log: bad argument #2 to 'string.format' (number expected, got string)" },
    { "return req.qurey.a", "a request has no 'qurey'; did you mean 'query'?" },
  }
  for _, case in ipairs(cases) do
    write_scenario(dir, "43-names", "return {\n params = { size = { 1, 'x' } },\n request = function(self, req)\n"
      .. case[1] .. "\n end }")
    t.equal(lab:go_to(43).status, 200, case[1])
    local answer = lab:get("/")
    t.equal(answer.status, 500, case[1])
    t.has(lab:details(answer), "43-names/scenario.lua:4: " .. case[2], case[1])
  end
  -- What does exist works, also by these ways.
  write_scenario(dir, "43-names", [[
return { params = { size = { 1, "x" } }, request = function(self, req)
  local names = 0
  for _ in pairs(lab) do names = names + 1 end
  self.params.size = 2
  assert(lab.select { { nil, "recv" }, default = true } == nil and lab.select { default = true } == nil)
  assert(math.nothing == nil and self.anything == nil and req.query.nothing == nil)
  return self.params.size .. " " .. tostring(names > 20)
end }]])
  lab:go_to(43)
  t.equal(lab:get("/").body, "2 true")
  t.equal(lab:stop(), 0)
end)

-- ---- the table ----------------------------------------------------------------

t.test("a table that is wrong: the line and the name of what is wrong in it", function()
  local lab, dir = start()
  local cases = {
    { "tittle = 'x',", "unknown key 'tittle'; did you mean 'title'?" },
    { "xyzzy = 'x',", "unknown key 'xyzzy'; known are: diagnosis, difficulty, enter, " },
    { "title = 5,", "title must be a string, not a number" },
    { "limits = { fds = 'limt' }, params = { limit = { 5, 'x' } },",
      "limits.fds: there is no parameter 'limt'; did you mean 'limit'?" },
    { "limits = { fds = 'name' }, params = { name = { 'x', 'x' } },", "limits.fds: the parameter 'name' is no whole number" },
    { "limits = { fds = -1 },", "limits.fds must be a whole number from 1 to 1048576" },
    { "limits = { memory = '1 gig' },", 'limits.memory must be like "1GiB"' },
    { "limits = { mem = '1GB' },", "limits: unknown key 'mem'; known are: fds, memory" },
    { "routes = { ['/goto'] = function() end },", "routes: /goto is a path of the lab's own" },
    { "routes = { ['/steps'] = function() end },", "routes: /steps is a path of the lab's own" },
    { "routes = { report = function() end },", "routes: 'report' must be like '/report'" },
    { "routes = { ['/report'] = 5 },", "routes: /report must be a function(self, req), not a number" },
    { "params = { size = 5 },", "params: size must be its default and its meaning" },
    { "params = { step = { 5, 'x' } },", "params: 'step' can't be a name" },
    { "expect = 5,", "expect must be a table" },
    { "diagnosis = 'x',", "diagnosis must be a table" },
    { "hints = { 5 },", "hints must be a list of strings" },
  }
  for _, case in ipairs(cases) do
    write_scenario(dir, "44-table", "return {\n request = function() end,\n -- title, limits, params\n " .. case[1] .. "\n}")
    local answer = lab:go_to(44)
    t.equal(answer.status, 500, case[1])
    t.has(answer.body, "44-table/scenario.lua:4: " .. case[2], case[1])
  end
  write_scenario(dir, "44-table", [[
return {
  request = function() end,
  routes = {
    ["/fine"] = function() end,
    ["/metrics"] = function() end,
  },
}]])
  t.has(lab:go_to(44).body, "44-table/scenario.lua:5: routes: /metrics is a path of the lab's own")
  t.equal(lab:stop(), 0)
end)

t.test("a parameter that is a limit must be one", function()
  local lab, dir = start()
  write_scenario(dir, "45-limit", "return { params = { most = { 50, 'x' } }, limits = { fds = 'most' }, request = function() end }")
  t.equal(lab:go_to(45).status, 200)
  local answer = lab:go_to("45&most=-3")
  t.equal(answer.status, 400)
  t.equal(answer.body, "limits.fds: parameter most is -3; 1 to 1048576 are possible\n")
  t.equal(lab:go_to("45&mosd=3").body, "unknown parameter 'mosd'; did you mean 'most'?\n")
  t.equal(lab:go_to("45&x=3").body, "unknown parameter 'x'; known are: most\n")
  t.equal(lab:go_to("0&x=3").body, "unknown parameter 'x': this step has none\n")
  t.equal(lab:stop(), 0)
end)

-- ---- the folder ---------------------------------------------------------------

t.test("a folder that is no scenario: which file is missing, or what is wrong with its name", function()
  local lab, dir = start()
  t.run("mkdir -p " .. dir .. "/46-empty")
  local answer = lab:go_to(46)
  t.equal(answer.status, 400)
  t.equal(answer.body, "Invalid step 46: " .. dir .. "/46-empty/scenario.lua: No such file or directory\n")
  write_scenario(dir, "47_report", "return { request = function() end }")
  answer = lab:go_to(47)
  t.equal(answer.status, 400)
  t.has(answer.body, "Invalid step 47: a folder is called NN-slug")
  t.has(answer.body, dir .. "/47_report is not")
  t.equal(lab:go_to(48).body, "Invalid step 48\nThere are the steps " .. exercise.numbers() .. "\n")
  t.equal(lab:stop(), 0)
end)

t.test("step 0 has one name, before and after it is selected", function()
  local lab = t.start_with { t.temp_dir() }
  t.match(lab:get("/status").body, '"slug": "baseline"')
  t.equal(lab:stop(), 0)
  lab = t.start()
  t.match(lab:get("/status").body, '"slug": "baseline"')
  lab:go_to(1)
  lab:go_to(0)
  t.match(lab:get("/status").body, '"slug": "baseline"')
  t.equal(lab:stop(), 0)
end)

t.finish()
