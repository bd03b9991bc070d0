local cards -- that were accepted, and wait for the printer

local function drawCard(number, size)
  return { number = number, picture = ("%08d"):format(number):rep(size // 8), accepted = lab.now() }
end

local function acceptCard(number, size)
  cards:send(drawCard(number, size))
  lab.counter("cards_accepted_total"):add()
  lab.gauge("cards_waiting"):set(cards:len())
end

local function printCards(seconds)
  local printed, waiting = lab.counter("cards_printed_total"), lab.gauge("cards_waiting")
  local age = lab.gauge("last_card_age_seconds")
  for card in cards:range() do
    lab.sleep(seconds)
    printed:add()
    waiting:set(cards:len())
    age:set(lab.now() - card.accepted)
  end
end

return {
  params = {
    tray = { 50000, "cards that may wait: enough for any day" },
    size = { 50000, "bytes of a picture" },
    seconds = { 0.008, "until a card is printed" },
  },
  limits = { memory = "300MB" },
  enter = function(self)
    cards = lab.channel(self.params.tray, "cards")
    lab.go(printCards, self.params.seconds)
  end,
  request = function(self, req)
    acceptCard(req.id, self.params.size)
    return "your card will be printed\n"
  end,
}
