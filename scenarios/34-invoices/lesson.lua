return {
  title = "A list of fifty takes fifty times as long",
  symptom = "A list with one invoice is there at once, and one with fifty takes half a second. The database says \z
    that it answers within milliseconds, and neither machine has much to do.",
  difficulty = 2,
  minutes = 20,
  tags = { "waiting" },
  hints = {
    "Begin with the question that halves the number of explanations: send lists one after the other, `diaglab \z
      load --seconds 20 localhost:6060/`, and look at %CPU in `top -p $(pidof diaglab)` meanwhile. If it is low, \z
      the time isn't computed, so a CPU profile has little of it. Take `go tool pprof -top -cum \z
      'http://localhost:6060/debug/pprof/wall?seconds=5'` instead. In which state, and under which functions of \z
      the program, does a request spend its time?",
    "It waits for the database, and the database says that it is fast. Both can be true, so don't ask how long, \z
      ask how often: note `curl -s localhost:6060/metrics | grep ^queries`, send one request, and look again. \z
      Then the same after `curl 'localhost:6060/goto?step=34&invoices=10'`. How many questions does a list need, \z
      and how many would you have asked?",
    "Multiply: so many questions, one after the other, each of a few milliseconds, is what a user waits for. Now \z
      find who asks them: `go tool pprof -peek 'invoices.query$' \z
      'http://localhost:6060/debug/pprof/wall?seconds=5'` under load has two callers of the function that asks, \z
      and their shares. One of them asks once per list. The other one stands in a loop; `go tool pprof -list \z
      invoices` shows where. What would the one question be that brings all of it?",
  },
  load = { requests = 8, clients = 2 },
  fixed = "fixed.lua",
  expect = {
    { latency = "p50", value = ">= 4 x fixed" },
    { metric = "queries_total", value = "= 51 per request", about = { "loadCustomer", "listInvoices" } },
    { profile = "wall", under = "loadCustomer", of = "listInvoices", share = ">= 0.8", value = ">= 100ms per request" },
    { profile = "wall", under = { "listInvoices", "loadCustomer" }, tag = { state = "IO wait" },
      value = ">= 100ms per request" },
  },
  keeps = {
    { status = "2xx", share = ">= 0.99" },
    { metric = "lines_total", value = "= 50 per request" },
  },
  diagnosis = {
    class = "wait.dependency",
    where = { "loadCustomer", "listInvoices" },
    victims = "query",
    number = { 51, "", "how many questions does one list ask?", 0.05 },
  },
}
