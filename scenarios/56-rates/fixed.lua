local RATES = { EUR = "1.0000", CHF = "0.9370", SEK = "11.3250" }

local function answerRate(req)
  return RATES[req.query.currency] or "1.0000"
end

local client = lab.http.client { size = 4, idle_timeout = 30, name = "rates" }

local function fetchRate(address, currency)
  local answer = assert(client:get(("http://%s/?currency=%s"):format(address, currency)))
  lab.counter("rates_fetched_total"):add()
  return answer.body
end

return {
  limits = { memory = "300MB", fds = 900 },
  enter = function(self)
    local server = assert(lab.listen("127.0.0.1:0", answerRate, { idle_timeout = 0 }))
    self.address = server:address()
  end,
  request = function(self)
    local lines = {}
    for i, currency in ipairs { "EUR", "CHF", "SEK" } do
      lines[i] = ("%s %s\n"):format(currency, fetchRate(self.address, currency))
    end
    return table.concat(lines)
  end,
}
