local balances = {} -- cents that each seller gets at the end of the month
local guards = {} -- of each seller: no two may change one balance at a time

local function askStore(seconds)
  lab.sleep(seconds)
end

local function creditSeller(seller, cents, seconds)
  local guard = guards[seller] or lab.mutex("balance")
  guards[seller] = guard
  guard:lock()
  local balance = balances[seller] or 0
  askStore(seconds)
  balances[seller] = balance + cents
  guard:unlock()
  lab.counter("credits_total"):add()
end

local function closeBasket(basket, articles, sellers, seconds)
  for i = 1, articles do creditSeller((basket * articles + i) % sellers, 100 * i, seconds) end
end

return {
  params = {
    sellers = { 500, "of the market" },
    articles = { 8, "in a basket, each of another seller" },
    seconds = { 0.001, "until the store has answered" },
  },
  request = function(self, req)
    local p = self.params
    closeBasket(req.id, p.articles, p.sellers, p.seconds)
    return ("thank you for %d articles\n"):format(p.articles)
  end,
}
