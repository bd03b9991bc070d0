-- SPDX-License-Identifier: MIT
-- Plain Lua programs, the same for diaglab and for the stock interpreter. Each
-- takes a tenth of a second or so, and checks its result.
local programs = {}

-- Calls and arithmetic; no memory.
local function fib(n)
  if n < 2 then return n end
  return fib(n - 1) + fib(n - 2)
end

function programs.calls()
  assert(fib(32) == 2178309)
end

-- Many small tables that live long enough for the collector to see them.
local function tree(depth)
  if depth == 0 then return {} end
  return { tree(depth - 1), tree(depth - 1) }
end

local function count(node)
  if not node[1] then return 1 end
  return 1 + count(node[1]) + count(node[2])
end

function programs.trees()
  local kept = tree(14)
  for _ = 1, 40 do assert(count(tree(12)) == 8191) end
  assert(count(kept) == 32767)
end

-- Strings: formatting, searching, joining.
function programs.strings()
  local words = {}
  for i = 1, 60000 do words[i] = ("%d-%x"):format(i, i * 2654435761 % 4294967296) end
  local text = table.concat(words, " ")
  local n, digits = 0, 0
  for number, hash in text:gmatch("(%d+)-(%x+)") do
    n = n + 1
    digits = digits + #number:rep(3) + #hash:upper()
  end
  assert(n == 60000 and digits > n)
  text = text:gsub("%x%x%x", { ["abc"] = "<abc>" })
  assert(text:find("<abc>", 1, true))
end

-- Library functions that call back: sort with a comparator.
function programs.sort()
  local list, x = {}, 42
  for i = 1, 100000 do
    x = (x * 1103515245 + 12345) % 2147483648
    list[i] = x
  end
  table.sort(list, function(a, b) return a > b end)
  for i = 2, #list do assert(list[i - 1] >= list[i]) end
end

-- A loop, whose stack is only as deep as that of its caller.
function programs.loop()
  local x = 42
  for _ = 1, 6000000 do x = (x * 1103515245 + 12345) % 2147483648 end
  assert(x > 0)
end

-- Everything at once.
function programs.mixed()
  programs.calls()
  programs.trees()
  programs.strings()
  programs.sort()
end

return programs
