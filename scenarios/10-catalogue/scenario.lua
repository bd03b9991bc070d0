local PER_PAGE = 20

local products

local function loadProducts(n)
  products = {}
  for i = 1, n do
    products[i] = { name = "article " .. i, cents = 99 + i * 37 % 5000, text = "bright solid handy and easy to clean" }
  end
end

local function describe(product)
  local words = {}
  for word in product.text:gmatch("%a+") do words[#words + 1] = word end
  local line = ("%-12s %4d.%02d  %s"):format(product.name, product.cents // 100, product.cents % 100,
    table.concat(words, " ", 1, 3))
  return line
end

-- For people: one page.
local function showPage(number)
  local lines = {}
  for i, product in ipairs(products) do lines[i] = describe(product) end
  local first = (number - 1) * PER_PAGE + 1
  local page = table.concat(lines, "\n", first, math.min(first + PER_PAGE - 1, #lines))
  lab.counter("pages_total"):add()
  return page
end

-- For search engines: all of it.
local function writeFeed()
  local lines = {}
  for i, product in ipairs(products) do lines[i] = describe(product) end
  local feed = table.concat(lines, "\n")
  return feed
end

return {
  params = { products = { 2000, "in the catalogue" } },
  enter = function(self) loadProducts(self.params.products) end,
  request = function(_, req)
    local page = showPage((tonumber(req.query.page) or 1) // 1)
    return page .. "\n"
  end,
  routes = {
    ["/feed"] = function()
      local feed = writeFeed()
      return feed .. "\n"
    end,
  },
}
