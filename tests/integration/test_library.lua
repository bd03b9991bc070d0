-- SPDX-License-Identifier: MIT
-- Whatever function of Lua's library a step is in, with huge strings and tables,
-- it can be left; and a profile has the function with who called it.
local t = require "harness"
local pprof = require "pprof"
t.need("go", "curl")

local MIB = t.is_sanitized() and 1 or 4

-- What runs again and again, and its name in profiles if that is looked at. s is a
-- string of MIB MiB and n its length; the others are as long.
local cases = {
  { "s:upper()", "string.upper" }, { "s:lower()" }, { "s:reverse()", "string.reverse" },
  { "('ab'):rep(n)", "string.rep" }, { "('ab'):rep(n // 8, ', ')" }, { "s:sub(2)" }, { "s:byte(1, 900000)" },
  { "string.char(unpack(numbers, 1, 200000))" },
  { "('%s|'):format(s)" }, { "('%q'):format(s)", "string.format" }, { "s:format()" },
  { "string.pack('z', s)" }, { "string.pack('s', s)" }, { "string.pack(blanks)", "string.pack" },
  { "string.packsize(blanks)" }, { "string.unpack(blanks, '')" }, { "string.unpack('z', s .. '\\0')" },
  { "s:find('.-b')", "string.find" }, { "s:find(s .. 'b', 1, true)" }, { "s:match('(.*)(.*)b')" },
  { "s:gsub('.', '%0')", "string.gsub" }, { "s:gsub('.', { a = 'b' })" }, { "s:gsub('.', string.upper)" },
  { "('x'):gsub('x', (s:gsub('a', '%%%%')))" }, { "s:gmatch('.-b')()" },
  { "utf8.len(s)", "utf8.len" }, { "utf8.offset(s, n)" }, { "utf8.codepoint(s, 1, 900000)" },
  { "utf8.char(unpack(numbers, 1, 200000))" }, { "utf8.codes('a' .. ('\\x80'):rep(n), true)()" },
  { "tonumber(digits)", "tonumber" }, { "tonumber('0x' .. digits)" }, { "tonumber(blanks .. 1)" },
  { "tonumber(digits, 7)" }, { "digits + 1" }, { "digits | 1" }, { "math.tointeger(digits)" },
  { "s < s .. 'a'" }, { "nuls < nuls .. 'a'" }, { "s == s .. ''" }, { "#(s .. s)" }, { "({})[s .. s]" },
  { "s .. s .. s .. s" }, { "tostring(setmetatable({}, { __name = s }))" },
  { "table.concat({ s, s, s, s })" }, { "table.concat(numbers)", "table.concat" },
  { "table.concat({ 1, 2, 3 }, s)" }, { "table.sort(numbers)", "table.sort" }, { "table.sort(numbers, math.ult)" },
  { "table.sort({ nuls .. 1, nuls .. 2, nuls })" }, { "table.move(numbers, 1, #numbers, 2)", "table.move" },
  { "table.insert(numbers, 1, 0)" }, { "table.remove(numbers, 1)" }, { "unpack(numbers, 1, 900000)" },
  { "table.pack(unpack(numbers, 1, 900000))" }, { "select(-1, unpack(numbers, 1, 900000))" },
  { "load(code)", "load" }, { "load(blanks)" }, { "load('--[==[' .. s)" }, { "load('return ' .. digits)" },
  { "load(function() return code end)" }, { "load('return ' .. ('a and '):rep(n // 64) .. 'a')" },
  { "load(('function f() end '):rep(n // 64))" },
  { "load(('goto l '):rep(32000) .. '::l::')" },
  { "load('while a do ' .. ('if a then break end '):rep(32000) .. 'end')" },
  { "load('if a then ' .. ('elseif a then '):rep(n // 64) .. 'end')" },
  { "load('return ' .. ('a or '):rep(n // 64) .. 'a')" },
  { "pcall(error, s .. s)" }, { "error(s)" }, { "assert(false, s)" },
  { "lab.go(error, s):join()" },
  { "{} .. setmetatable({}, { __concat = function() return s:upper() end })" },
  { "setmetatable({}, { __index = function() return s:upper() end }).x" },
  { "tostring(setmetatable({}, { __tostring = function() return s:upper() end }))" },
  { "lab.log(s:sub(1, 1 << 20))" }, -- the last: the test reads the log
}

-- How the strings and tables are made that a case needs.
local made = {
  s = '("a"):rep(n)', blanks = '(" "):rep(n)', digits = '("1"):rep(n)', nuls = '("\\0"):rep(n)',
  code = '("x=1 "):rep(n // 4)',
  numbers = "{} for i = 1, 900000 do numbers[i] = i * 7919 % 127 end",
}

local SCENARIO = [[
local n, unpack = %d << 20, table.unpack
%s
local function op() local r = %s return r end
local function again() while true do op() end end
return {
  %s
  request = function() lab.log "begins" pcall(again) again() end,
}]]

local function start()
  local dir = t.temp_dir()
  t.run("mkdir -p " .. dir .. "/47-library")
  return t.start_with({ dir, t.source .. "/scenarios" }, "--step", "0"), dir .. "/47-library/scenario.lua"
end

local function write_scenario(file, op, what)
  local needed = {}
  for name, code in pairs(made) do
    if op:find("%f[%w]" .. name .. "%f[%W]") then needed[#needed + 1] = ("local %s = %s"):format(name, code) end
  end
  t.write(file, SCENARIO:format(MIB, table.concat(needed, "\n"), op, what or ""))
end

local function leave(lab, op)
  local answer = lab:leave()
  t.equal(answer.status, 200, ("%s: %s"):format(op, answer.body))
  t.equal(lab:get("/").body, "hello world")
end

-- Whether the function is in a profile, called by the scenario's. No stack is unknown.
local function is_in_profile(lab, name)
  local raw, found = pprof.raw(lab.url .. "/debug/pprof/profile?seconds=1&hz=200"), false
  for _, sample in ipairs(raw.samples) do
    local names = {}
    for _, location in ipairs(sample.stack) do
      for _, frame in ipairs(location.frames) do names[frame.name] = true end
    end
    t.check(not names["[running C function]"], "a stack is unknown")
    found = found or names[name] and names["library.op"] and names["library.again"]
  end
  return found
end

-- On a busy machine one may have few samples.
local function check_profile(lab, name)
  for _ = 1, 5 do
    if is_in_profile(lab, name) then return end
  end
  t.check(false, name .. " isn't in the profile")
end

-- The lab is in CASE for the Nth time.
local function try_case(lab, file, case, n)
  local op, name = table.unpack(case)
  write_scenario(file, op)
  t.equal(lab:go_to(47).status, 200)
  t.spawn(t.command { "curl", "-s", "-o", "/dev/null", "--max-time", "60", lab.url .. "/" })
  t.eventually(function() return select(2, lab:log():gsub("begins", "")) == n end, 20)
  if name then check_profile(lab, name) else t.sleep(0.05) end
  leave(lab, op)
end

t.long("every function", function()
  local lab, file = start()
  for i, case in ipairs(cases) do try_case(lab, file, case, i) end
  t.equal(lab:stop(), 0)
end)

t.long("in leave, and in a variable that is closed", function()
  local lab, file = start()
  write_scenario(file, "s:upper()", [[
leave = function()
    lab.log "leaves"
    local closed <close> = setmetatable({}, { __close = again })
    again()
  end,]])
  t.equal(lab:go_to(47).status, 200)
  leave(lab, "leave")
  t.has(lab:log(), "leaves")
  t.equal(lab:stop(), 0)
end)

t.long("in enter", function()
  local lab, file = start()
  write_scenario(file, "s:upper()", "enter = again,")
  local entering = t.spawn(t.command { "curl", "-s", "--max-time", "60", lab.url .. "/goto?step=47" })
  t.eventually(function() return lab:get("/status").body:find('"entering": {"step": 47', 1, true) end)
  leave(lab, "enter")
  t.equal(entering:wait(), 0)
  t.equal(lab:stop(), 0)
end)

t.finish()
