local mutex -- guards `served`
local served -- a counter of /metrics

local function countRequest()
  mutex:lock()
  served:add()
  mutex:unlock()
end

return {
  enter = function()
    mutex, served = lab.mutex("served"), lab.counter("requests_served_total")
  end,
  request = function() countRequest() end,
}
