return {
  title = "On average it is fast",
  symptom = "The freight of an order is there within milliseconds, and the average is good. Some orders take many \z
    times as long. The sales department says that it is getting worse, and nobody else has noticed anything.",
  difficulty = 3,
  minutes = 20,
  tags = { "mixed" },
  hints = {
    "An average hides what happens rarely, and so does a median. Look at all lines of `diaglab load --step 60 \z
      localhost:6060`: p50, p90, p99 and the maximum, and at the histogram's shape if you like. Up to which of \z
      them is the program healthy? Then ask for single orders, `for i in $(seq 120); do curl -s -o /dev/null -w \z
      \"%{time_total} $i\\n\" \"localhost:6060/?order=$i\"; done | sort -rn | head`, twice. Is it chance, or is \z
      it always the same ones?",
    "Each order in the list is slow every time, so something about it is different, and the number doesn't say \z
      what. The developers have given the program a label for just that: `go tool pprof -tags \z
      'http://localhost:6060/debug/pprof/profile?seconds=5'`, while `diaglab load --step 60 --seconds 10 \z
      localhost:6060` runs, lists all labels with the time that belongs to each. There are a hundred customers. \z
      How is the processor's time divided among them, and how are the orders?",
    "One customer is enough. Compare what the program does for that one with what it does for all others: `go \z
      tool pprof -top -cum -tagfocus='customer=Harbour Stores' \z
      'http://localhost:6060/debug/pprof/profile?seconds=5'`, then the same with `-tagignore`. A function is in \z
      the first list and not in the second. Read it with `go tool pprof -list freight`, and count how often it \z
      does its work for one order. Why does only this customer get there, and which part of that work is the \z
      same each time?",
  },
  load = { requests = 240, path = "/?order={n}" },
  fixed = "fixed.lua",
  expect = {
    { latency = "p99", value = ">= 12 x p50" },
    { profile = "cpu", under = "agreedPrice", tag = { customer = "Harbour Stores" }, share = ">= 0.8",
      value = ">= 0.5ms per request" },
    { profile = "cpu", under = "agreedPrice", share = ">= 0.5", value = ">= 0.5ms per request" },
    { latency = "p50", value = "<= 5 x fixed", always = true }, -- most orders are as fast as they should be
  },
  keeps = {
    { status = "2xx", share = ">= 0.99" },
    { metric = "orders_priced_total", value = "= 1 per request" },
  },
  diagnosis = {
    class = "tail.slow_path",
    where = "agreedPrice",
    number = { 40, "", "one order of how many is slow?", 0.1 },
  },
}
