local mutex -- guards `served`
local served = 0

local function countRequest()
  mutex:lock()
  served = served + 1
  mutex:unlock()
end

return {
  enter = function()
    mutex = lab.mutex("served")
    mutex:lock()
  end,
  request = function() countRequest() end,
  leave = function() mutex:unlock() end,
}
