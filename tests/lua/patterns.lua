-- SPDX-License-Identifier: MIT
-- Compares two libraries of string functions on random patterns and subjects: same
-- results, captures and messages.
-- patterns.lua(stock, own, pairs, seed) -> differences, matches, errors

local stock, own, pairs_, seed = ...
math.randomseed(seed)
local random = math.random

local pieces = {
  "a", "b", "c", ".", "%a", "%d", "%s", "%w", "%S", "%x", "%P", "[ab]", "[^a]", "[a-c]", "[%a_]", "[^%d%s]", "[]]",
  "[^]a]", "[a-]", "[%]]", "[", "^", "$", " ", "*", "+", "-", "?", "*", "+", "-", "?", "(", ")", "()", "(a)", "(.-)",
  "(%w*)", "%1", "%2", "%3", "%b()", "%bab", "%b", "%f[%w]", "%f[^%w]", "%f", "%", "%%", "]", "\0", "\xff", "-", "1",
}
local characters = {
  "a", "a", "a", "b", "b", "c", "(", ")", "(", ")", " ", "1", "_", "%", "[", "]", "-", "\0", "\xff", "A",
}
local replacements = {
  "x", "%0", "%1", "%2", "<%1%2>", "%%", "%", "%x", "", 7, { a = "A", b = false, ab = 1, c = {} },
  function(...) return select("#", ...) .. ":" .. tostring((...)) end, function() end, function() return {} end,
}

local function make(list, most)
  local t = {}
  for i = 1, random(0, most) do t[i] = list[random(#list)] end
  return table.concat(t)
end

local function show(...)
  local t = table.pack(...)
  for i = 1, t.n do t[i] = (math.type(t[i]) or type(t[i])) .. ":" .. tostring(t[i]) end
  return table.concat(t, "|")
end

local function iterate(lib, s, p, i)
  local t = {}
  for a, b, c in lib.gmatch(s, p, i) do
    t[#t + 1] = show(a, b, c)
    if #t > 60 then break end
  end
  return table.concat(t, ";")
end

local function rep_size()
  return random(6) == 1 and math.maxinteger or random(-1, 5)
end

local calls = {
  function(lib, x) return lib.find(x.s, x.p, x.init) end,
  function(lib, x) return lib.find(x.s, x.p, x.init, true) end,
  function(lib, x) return lib.match(x.s, x.p, x.init) end,
  function(lib, x) return iterate(lib, x.s, x.p, x.init) end,
  function(lib, x) return lib.gsub(x.s, x.p, x.r, x.most) end,
  function(lib, x) return lib.rep(x.s, x.s == "" and x.sep == "" and 3 or x.times, x.sep) end,
}

local differences, matches, errors = {}, 0, 0
for k = 1, pairs_ do
  local x = {
    s = make(characters, 16), p = make(pieces, 8), init = random(2) == 1 and 1 or random(-5, 8),
    r = replacements[random(#replacements)], most = random(4) == 1 and random(-1, 3) or nil,
    times = rep_size(), sep = make(characters, 2),
  }
  if k % 5000 == 0 then -- as deep as it goes; a long subject would take stock for ever
    x.p, x.s = ("a?"):rep(random(190, 205)) .. x.p, make(characters, 3)
  end
  if k % 50 == 1 then x.p = ("()"):rep(random(30, 34)) .. x.p end
  for i, call in ipairs(calls) do
    local want, got = show(pcall(call, stock, x)), show(pcall(call, own, x))
    if want:sub(1, 13) == "boolean:false" then errors = errors + 1 end
    if i == 3 and want ~= "boolean:true|nil:nil" then matches = matches + 1 end
    if want ~= got then
      differences[#differences + 1] = ("call %d: pattern %q subject %q init %s\n  stock %q\n  own   %q")
        :format(i, x.p, x.s, x.init, want, got)
    end
  end
end
return table.concat(differences, "\n", 1, math.min(#differences, 10)), matches, errors
