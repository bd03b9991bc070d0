-- SPDX-License-Identifier: MIT
-- Functions of Lua's library that would run for hours: the step can be left within
-- a second, and profiles name them.
local t = require "harness"
local pprof = require "pprof"
t.need("go", "curl")

-- A lab whose step 46 has FUNCTIONS, and ROUTES beside two others.
local function start_with(functions, routes)
  local dir = t.temp_dir()
  t.run("mkdir -p " .. dir .. "/46-endless")
  t.write(dir .. "/46-endless/scenario.lua", ([[
local huge = 1 << 62
local aaa = ("a"):rep(100000)
local endless = setmetatable({}, {
  __index = rawlen, __newindex = rawlen, __len = function() return (1 << 31) - 2 end,
})
%s
return {
  request = function() local r = hang and hang() return tostring(r) end,
  routes = { ["/other"] = function() return "other" end, %s },
}]]):format(functions, routes))
  return t.start_with({ dir, t.source .. "/scenarios" }, "--step", "46")
end

local function start(code, before)
  return start_with((before or "") .. " local function hang() " .. code .. " end", "")
end

local evil = '(("a-"):rep(20) .. "b")'
-- What hangs; its name in profiles; whether others have their turn meanwhile
local cases = {
  { "local r = aaa:find" .. evil .. " return r", "string.find", true },
  { "local r = aaa:match" .. evil .. " return r", "string.match", true },
  { "for r in aaa:gmatch" .. evil .. " do return r end", "[lua function]", true },
  { "local r = aaa:gsub(" .. evil .. ", '') return r", "string.gsub" },
  { "local r = aaa:find(('a?'):rep(99) .. ('.-'):rep(50) .. 'b') return r", "string.find", true },
  { "local r = aaa:rep(20):find('(.-)%1%1b') return r", "string.find", true },
  { "pcall(string.find, aaa, " .. evil .. ") return hang()", "string.find", true },
  { "table.sort({ 3, 2, 1 }, function(a, b) aaa:find" .. evil .. " return a < b end)", "string.find" },
  { "return setmetatable({}, { __index = function() return (aaa:find" .. evil .. ") end }).x", "string.find" },
  { "table.move({}, 1, huge, 2)", "table.move" },
  { "table.move(endless, 1, huge, 2, endless)", "table.move" },
  { "local o = setmetatable({}, { __len = function() return huge end }) table.insert(o, 1, nil)", "table.insert" },
  { "local o = setmetatable({}, { __len = function() return huge end }) table.remove(o, 1)", "table.remove" },
  { "local o = setmetatable({}, { __index = function() return '' end }) table.concat(o, '', 1, huge)",
    "table.concat" },
  { "table.sort(endless, function() return false end)", "table.sort" },
  -- each step of these is short, or long, or each position is tried anew
  { "local s = aaa:rep(3000) while true do s:find('%f[%d]') end", "string.find", true },
  { "local s = aaa:rep(3000) while true do s:find('()%d') end", "string.find", true },
  { "local s = ('y'):rep(1 << 20) return s:find('[' .. ('a-b'):rep(100000) .. ']')", "string.find" },
  { "return (aaa:rep(1000):find('(a*)%1%1b'))", "string.find", true },
  -- more calls of pcall, one within another, than C functions can be nested
  { "local function f() pcall(f) pcall(f) end return f()", "pcall" },
  { "local function f() xpcall(f, print) pcall(f) return f() end return f()", "pcall" },
}

-- A table that is full, and its next key moves it to a place where all keys meet:
-- minutes. What it is made of, and what moves it.
local whole = "local n, o = 1 << 18, {} local m = 2 * n - 1 for i = 1, n do o[m * i] = i end "
local full = {
  { whole, "o[m * (n + 1)] = 0" },
  { whole, "rawset(o, m * (n + 1), 0)" },
  { whole:gsub("{}", "{ 1, 2, 3, 4 }"), "for i = 1, 4 do o[i] = nil end o[m * (n + 1)] = 0" },
}

for i, case in ipairs(cases) do
  local code, _, shared = table.unpack(case)
  t.test(i .. ": " .. code, function()
    local lab = start(code)
    local request = t.spawn(t.command { "curl", "-s", "--max-time", "300", lab.url .. "/" })
    lab:wait_log("Starting processing")
    -- Strings of 300 MB are made first; a busy machine takes ten seconds for that.
    if shared then t.equal(lab:get("/other", "--max-time", "60").body, "other") end
    t.check(request:alive(), "it isn't endless")
    local answer = lab:in_time(1, "leaving", function() return lab:leave() end)
    t.equal(answer.status, 200, answer.body)
    t.equal(lab:get("/").body, "hello world")
    t.equal(request:wait(), 0)
    t.equal(lab:stop(), 0)
  end)
end

for i, case in ipairs(full) do
  local before, code = table.unpack(case)
  t.test("a table " .. i .. ": " .. code, function()
    local lab = start(code, before)
    local request = t.spawn(t.command { "curl", "-s", "--max-time", "300", lab.url .. "/" })
    lab:wait_log("Starting processing")
    t.check(request:alive(), "it isn't endless")
    local answer = lab:in_time(1, "leaving", function() return lab:leave() end)
    t.equal(answer.status, 200, answer.body)
    t.equal(lab:get("/").body, "hello world")
    t.equal(request:wait(), 0)
    t.equal(lab:stop(), 0)
  end)
end

-- Whether some sample has both names.
local function has_both(raw, one, other)
  for _, sample in ipairs(raw.samples) do
    local names = {}
    for _, location in ipairs(sample.stack) do
      for _, frame in ipairs(location.frames) do names[frame.name] = true end
    end
    if names[one] and names[other] then return true end
  end
end

-- Those that let others have their turn, all at once, in one profile.
t.test("profiles name them, each under its function", function()
  local functions, routes, wanted = { "local hang" }, {}, {}
  for i, case in ipairs(cases) do
    if case[3] and case[2]:sub(1, 1) ~= "[" and not case[1]:find("rep(3000)", 1, true) then
      local code = case[1]:gsub("hang%(", "hang" .. i .. "(")
      functions[#functions + 1] = ("local function hang%d() %s end"):format(i, code)
      routes[#routes + 1] = ("['/%d'] = function() local r = hang%d() return tostring(r) end"):format(i, i)
      wanted[#wanted + 1] = { path = "/" .. i, leaf = case[2], caller = "endless.hang" .. i }
    end
  end
  local lab = start_with(table.concat(functions, "\n"), table.concat(routes, ", "))
  for _, one in ipairs(wanted) do t.spawn(t.command { "curl", "-s", "--max-time", "300", lab.url .. one.path }) end
  t.eventually(function() return select(2, lab:log():gsub("Starting processing", "")) == #wanted end)
  t.enough(function(seconds)
    return pprof.raw(("%s/debug/pprof/profile?seconds=%d&hz=500"):format(lab.url, seconds))
  end, function(raw)
    for _, one in ipairs(wanted) do
      if not has_both(raw, one.leaf, one.caller) then return false end
    end
    return true
  end)
  t.equal(lab:leave().status, 200)
  t.equal(lab:stop(), 0)
end)

t.test("what returns at once", function()
  local lab = start [[return #(""):rep(huge) .. " " .. select(2, pcall(string.rep, "x", huge))]]
  t.match(lab:get("/", "--max-time", "60").body, "^0 .*resulting string too large$")
  t.equal(lab:stop(), 0)
end)

t.finish()
