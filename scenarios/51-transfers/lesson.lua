return {
  title = "Twelve small bookings, and an idle machine",
  symptom = "A request books twelve transfers, some bytes each. It takes a good deal of time, and neither processor \z
    nor network have anything to do meanwhile.",
  difficulty = 2,
  minutes = 20,
  tags = { "io" },
  hints = {
    "Does it compute or does it wait? `go tool pprof -top 'http://localhost:6060/debug/pprof/profile?seconds=5'` \z
      under `diaglab load --seconds 10 localhost:6060/` says in its header how much was computed in five seconds, \z
      and `curl 'localhost:6060/goto?step=51&transfers=1'` makes the request twelve times as small. By how much \z
      does that change the time of a request, and what does that say about where it goes?",
    "It waits, in proportion to the bookings. The wall profile divides the time by what is waited for: `go tool \z
      pprof -top -cum 'http://localhost:6060/debug/pprof/wall?seconds=5'` under load, and `-tags` instead of `-top \z
      -cum` for the states. From outside, `strace -f -c -w -p $(pidof diaglab)` counts calls, with the time until \z
      each returned. Which call has the time, and how often does it come for each request?",
    "That call returns when the data is on the disk. A database needs it, but how often? `go tool pprof -list \z
      transfers 'http://localhost:6060/debug/pprof/wall?seconds=5'` shows the line. It stands in the function that \z
      writes one line, and a request is answered only when all of them are written. After which of the twelve \z
      lines does the customer have to be sure, and which function knows that it was the last?",
  },
  load = { requests = 25 },
  fixed = "fixed.lua",
  expect = {
    { latency = "p50", value = ">= 2.5 x fixed" },
    { profile = "wall", under = "bookLine", share = ">= 0.7", value = ">= 40ms per request" },
    { profile = "wall", under = "bookLine", tag = { state = "syscall" }, share = ">= 0.7",
      value = ">= 40ms per request" },
    { metric = 'diaglab_io_calls_total{call="write"}', value = ">= 10 per request", always = true },
  },
  keeps = {
    { status = "2xx", share = ">= 0.99" },
    { metric = "lines_booked_total", value = "= 12 per request" },
  },
  diagnosis = {
    class = "io.sync",
    where = "bookLine",
    number = { "transfers", "", "how often does a request wait for the disk?" },
  },
}
