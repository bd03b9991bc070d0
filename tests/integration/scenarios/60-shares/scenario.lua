-- Three Lua functions with the same body, called with 50, 30 and 20 parts of
-- the work: their CPU shares are known by construction.
local function half(n) local x = 0 for i = 1, n do x = x + (i ~ 5) end return x end
local function third(n) local x = 0 for i = 1, n do x = x + (i ~ 5) end return x end
local function fifth(n) local x = 0 for i = 1, n do x = x + (i ~ 5) end return x end

return {
  params = { seconds = { 12, "CPU seconds to use" } },
  request = function(self)
    local stop = lab.cpu_time() + self.params.seconds
    while lab.cpu_time() < stop do
      half(5000)
      third(3000)
      fifth(2000)
    end
    return ("%.6f"):format(self.params.seconds)
  end,
}
