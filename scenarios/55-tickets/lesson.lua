return {
  title = "Sold out, says nobody, and yet nobody gets a ticket",
  symptom = "One customer gets a ticket at once. As soon as some come together, most of them get an error, and \z
    the bank complains about the service.",
  difficulty = 3,
  minutes = 25,
  tags = { "net" },
  hints = {
    "Compare one client with eight: `diaglab load --seconds 2 localhost:6060/` and `diaglab load --seconds 2 \z
      --clients 8 localhost:6060/`. Look at the answers (2xx, 5xx), and at the latency of each. Errors that come \z
      faster than good answers are worth a thought. Of the two loads, which one sells more tickets, and how many \z
      would you expect of eight clients?",
    "What does the bank see? `curl -s localhost:6060/metrics | grep -E '^(bank|tickets)'` has how often it was \z
      called, and how many tickets were sold. Look at both before and after each of the two loads, and divide \z
      them. `ss -tan | awk '{print $1}' | sort | uniq -c` shows the same from outside: each call leaves a \z
      connection in TIME-WAIT. How many calls does one ticket cost with one client, and with eight?",
    "The bank can do two payments at a time, and says so by its status 503. `go tool pprof -list tickets \z
      'http://localhost:6060/debug/pprof/wall?seconds=5'` under load with eight clients shows who calls it. Read \z
      what that function does when it is refused, and how much time passes until it asks again. After twenty \z
      refusals in less than a tenth of a second, what has changed at the bank, and what should the function do \z
      between two questions?",
  },
  load = { seconds = 2, clients = 8, timeout = 20 },
  fixed = "fixed.lua",
  expect = {
    { metric = "bank_calls_total", value = ">= 9 per request", about = "chargeCard" },
    { status = "2xx", share = "<= 0.6" },
  },
  keeps = {
    { metric = "tickets_sold_total", value = ">= 3" },
  },
  diagnosis = {
    class = "net.retry",
    where = "chargeCard",
    victims = "takePayment",
    number = { 20, "", "how often is the bank called before a customer gets an error?" },
  },
}
