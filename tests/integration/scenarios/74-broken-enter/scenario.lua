-- SPDX-License-Identifier: MIT
-- Each `how` is another way in which a step can't be entered.
local unspeakable = setmetatable({}, { __tostring = function() error {} end })

local ways = {
  error = function() error "broken" end,
  ["nil"] = function() error() end,
  table = function() error {} end,
  unspeakable = function() error(unspeakable) end,
  memory = function(self)
    self.kept = {}
    for i = 1, 1000 do self.kept[i] = ("m"):rep(100000 + i) end
  end,
  overflow = function()
    local function deeper() return 1 + deeper() end
    deeper()
  end,
  params = function(self) self.params = { true, [true] = 2, name = "value" } end,
  works = function() end,
}

return {
  params = { how = { "error", "one of the ways" } },
  limits = { memory = "20MB" },
  enter = function(self) ways[self.params.how](self) end,
  request = function() return "here" end,
}
