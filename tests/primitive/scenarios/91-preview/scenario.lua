-- SPDX-License-Identifier: MIT
-- Uses the primitive mandel (../../mandel.c).
local mandel = lab.primitive "mandel"
local pictures = {}

-- Two of three points are drawn for nothing: nobody looks at the large picture.
local function drawPreview(req)
  return mandel.render(300, 300, tonumber(req.query.rounds) or mandel.MOST)
end

local function drawLarge(req)
  return mandel.render(600, 300, tonumber(req.query.rounds) or mandel.MOST)
end

local function drawAll(req)
  return #drawPreview(req) + #drawLarge(req)
end

return {
  title = "Pictures that nobody looks at",
  symptom = "A preview takes long",
  limits = { memory = "64MiB" },
  request = function(_, req) return tostring(drawAll(req)) end,
  routes = {
    ["/keep"] = function(_, req)
      pictures[#pictures + 1] = mandel.render(1000, tonumber(req.query.height) or 1000, 1)
      return tostring(#pictures)
    end,
    ["/drop"] = function()
      pictures = {}
      return "0"
    end,
    ["/long"] = function() return tostring(#mandel.render(4000, 4000, 100000)) end,
    ["/scan"] = function(_, req)
      return tostring(mandel.scan(mandel.MOST, tonumber(req.query.times) or 1000000))
    end,
    ["/knock"] = function(_, req)
      return tostring(mandel.knock(tonumber(req.query.ms) or 1, tonumber(req.query.limit) or -1))
    end,
    ["/sort"] = function() -- where no task can be parked
      local list = { 3, 1, 2 }
      table.sort(list, function(a, b)
        return a * #mandel.render(1, 1, 1) < b * #mandel.render(1, 1, 1)
      end)
      return table.concat(list, " ")
    end,
  },
}
