-- Known numbers of known sizes. /large: 1,000 buffers of 1 MB, one at a time.
-- /small?n=: n strings of 100 bytes of heap. /hold: 100 buffers of 100 kB that
-- stay until the step is left.
local held = {}

local function makeLarge() return (lab.buffer(1000000)) end

-- 75 characters and a string's header of 24 with its final 0: 100 bytes.
local function makeSmall(i) return (("%075d"):format(i)) end

local function hold() held[#held + 1] = lab.buffer(100000) end

return {
  request = function() end,
  routes = {
    ["/large"] = function() for _ = 1, 1000 do makeLarge() end return "done" end,
    ["/small"] = function(_, req)
      for i = 1, math.tointeger(req.query.n) do makeSmall(i) end
      return "done"
    end,
    ["/hold"] = function() for _ = 1, 100 do hold() end return "done" end,
  },
}
