local STATES = { "ordered", "packed", "sent", "received" }

local known = {} -- profiles: each is made once

local function buildProfile(customer, orders)
  local lines = {}
  for i = 1, orders do
    lines[i] = ("order %06d-%04d  %-8s  %5d.%02d EUR"):format(customer, i, STATES[i % #STATES + 1], i % 90, i % 100)
  end
  lab.counter("profiles_built_total"):add()
  return { customer = customer, lines = lines }
end

local function profileOf(customer, orders)
  local profile = known[customer]
  if not profile then
    profile = buildProfile(customer, orders)
    known[customer] = profile
  end
  return profile
end

return {
  params = {
    customers = { 20, "of the shop" },
    orders = { 1000, "of each customer" },
  },
  limits = { memory = "500MB" },
  request = function(self, req)
    local customer = (tonumber(req.query.customer) or 1) // 1 % self.params.customers
    local profile = profileOf(customer, self.params.orders)
    lab.counter("profiles_shown_total"):add()
    return ("customer %d: %d orders\n"):format(customer, #profile.lines)
  end,
}
