local mutex -- guards `served`
local served = 0

local function countRequest()
  mutex:lock()
  served = served + 1
  mutex:unlock()
end

return {
  enter = function() mutex = lab.mutex("served") end,
  request = function() countRequest() end,
}
