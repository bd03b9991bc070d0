local util = lab.include "util"
local function work(n) local s=0 for i=1,n do s=s+i%5 end return s end
local first = work
local function work(n) local s=0 for i=1,n do s=s+i%5 end return s, (function() return first(n) end)() end
local t = { a = {} }
function t:f(n) return work(n) end
t.f2 = function(n) return (function(m) return (function() return work(m) end)() end)(n) end
t.a.b = function(n) return work(n) end
t["k/x"] = function(n) return work(n) end
t["it's"] = function(n) return work(n) end
t['q"q'] = function(n) return work(n) end
t["f#2"] = function(n) return work(n) end
local function mk() return function(n) return work(n) end, { g = function(n) return work(n) end } end
local chunk = load("local w = ... return function(n) local s=0 for i=1,n do s=s+i%3 end return s end", "=gen/x.lua")
local lf = chunk()
local r1, r2 = mk()
local N = 60000
return { request = function(self)
   first(N) work(N) t:f(N) t.f2(N) t.a.b(N) t["k/x"](N) t["it's"](N) t['q"q'](N) t["f#2"](N) r1(N) r2.g(N) lf(N)
   util.work(N) util.list[1](N) util.list["a/b.c"](N) util.list["x'y\"#2"](N) deepwork(N)
end }
