local sums = {} -- of each branch

local function receiveSales(branches, size)
  local sales = {}
  for branch = 1, branches do
    local file = lab.buffer(size)
    assert(lab.copy_n(file, lab.prng(branch), size - 512))
    sales[branch] = file
  end
  return sales
end

local function addUp(sales)
  for branch, file in ipairs(sales) do sums[branch] = file:len() end
end

local function closeDay(branches, size)
  local sales = receiveSales(branches, size)
  addUp(sales)
  lab.counter("days_closed_total"):add()
end

return {
  params = {
    branches = { 300, "that send their sales" },
    size = { 200000, "bytes that a branch sends" },
  },
  limits = { memory = "500MB" },
  request = function() return #sums .. " branches\n" end,
  routes = {
    ["/close-day"] = function(self)
      closeDay(self.params.branches, self.params.size)
      lab.gc()
      return #sums .. " branches\n"
    end,
  },
}
