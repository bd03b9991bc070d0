local TRIES = 20
local at_work = 0

-- The bank can do so many payments at a time, and refuses more.
local function takePayment(limit, seconds)
  lab.counter("bank_calls_total"):add()
  if at_work >= limit then
    lab.sleep(0.003) -- there and back
    return "busy", 503
  end
  at_work = at_work + 1
  lab.sleep(seconds)
  at_work = at_work - 1
  return "paid"
end

local function chargeCard(bank)
  local pause = 0.2
  for _ = 1, TRIES do
    local answer = assert(lab.http.get(bank))
    if answer.status == 200 then return true end
    lab.sleep(pause * (0.5 + math.random()))
    pause = math.min(2 * pause, 0.5)
  end
  return false
end

return {
  params = {
    payments = { 2, "that the bank does at a time" },
    seconds = { 0.4, "for one" },
  },
  limits = { memory = "300MB" },
  enter = function(self)
    local p = self.params
    local server = assert(lab.listen("127.0.0.1:0", function()
      local answer, status = takePayment(p.payments, p.seconds)
      return answer, status
    end))
    self.bank = ("http://%s/"):format(server:address())
  end,
  request = function(self)
    if not chargeCard(self.bank) then return "try again later\n", 503 end
    lab.counter("tickets_sold_total"):add()
    return "here is your ticket\n"
  end,
}
