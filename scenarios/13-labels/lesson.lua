return {
  title = "One customer's label",
  symptom = "Printing a label takes next to nothing. For one customer out of twenty it takes hundreds of times as \z
    long, and the processor is busy meanwhile.",
  difficulty = 3,
  minutes = 20,
  tags = { "computing" },
  hints = {
    "Most requests are fast and a few are very slow, so an average says little: look at p50 and p99 of \z
      `diaglab load --step 13 localhost:6060`. Then find out what the slow ones have in common. The customer is \z
      a part of the URL: `for i in $(seq 20); do curl -s -o /dev/null -w \"$i %{time_total}\\n\" \z
      \"localhost:6060/?customer=$i\"; done`. Is it the first request after a pause, is it by chance, or is it \z
      always the same one?",
    "You know a request that is slow each time, so send it again and again, `diaglab load --seconds 10 \z
      'localhost:6060/?customer=N'` with its number, and take a CPU profile: `go tool pprof -top -cum \z
      'http://localhost:6060/debug/pprof/profile?seconds=5'`. The same program with another customer's number \z
      spends its time in the server, and with this number in one function of the library. Which one is it, who \z
      calls it, and what does the program ask it for?",
    "The parameter boxes makes that customer's address longer or shorter: `curl \z
      'localhost:6060/goto?step=13&boxes=20'`, then 40, then 50, each time with `curl -s -o /dev/null -w \z
      '%{time_total}\\n' 'localhost:6060/?customer=7'`. Note how the time grows: it is much more than in \z
      proportion. Then read the line that `go tool pprof -list labels` shows with all of the time, and think \z
      through what it does with an address in which the last character never comes. In how many ways can the \z
      parts be divided before it gives up?",
  },
  load = { requests = 100, path = "/?customer={n}" },
  fixed = "fixed.lua",
  expect = {
    { cpu_time = true, value = ">= 4 x fixed" },
    { profile = "cpu", under = "parseAddress", share = ">= 0.8", value = ">= 0.3ms per request" },
  },
  keeps = {
    { status = "2xx", share = ">= 0.99" },
    { metric = "labels_total", value = "= 1 per request" },
  },
  diagnosis = { class = "cpu.backtrack", where = "parseAddress" },
}
