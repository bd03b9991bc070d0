local M = {}
function M.work(n) local s=0 for i=1,n do s=s+i%7 end return s end
local function work(n) return M.work(n) end
M.list = { function(n) return work(n) end, ["a/b.c"] = function(n) return work(n) end, ["x'y\"#2"] = function(n) return work(n) end }
lab.include "deep"
return M
