return {
  title = "One basket is fast, many are not",
  symptom = "One customer pays at once. When many pay, each basket takes many times as long, and no more baskets \z
    are paid per second than with one customer. The machine isn't busy.",
  difficulty = 3,
  minutes = 25,
  tags = { "waiting" },
  hints = {
    "Measure before you search. `diaglab load --requests 50 --clients 1 localhost:6060/` says how long a basket \z
      takes, and how many are paid per second; then the same with `--clients 2`, 4, 8 and 16. Write p50 and the \z
      rate in two columns. Users who don't disturb each other would pay more baskets together than alone, until \z
      the processors are busy (`top -p $(pidof diaglab)`). What do your two columns do, and what is busy?",
    "So they wait for each other. `go tool pprof -top -cum 'http://localhost:6060/debug/pprof/wall?seconds=5'` \z
      with sixteen clients says where. It looks like the fault of step 30, and the next question tells the two \z
      apart: for how long is it kept? Take `curl 'localhost:6060/debug/pprof/goroutine?debug=2'` some times while \z
      they pay: it says how many wait, who has what they want, and since when. Is it the same task each time, and \z
      how long do you find it there?",
    "Each has the lock for a millisecond only, and sixteen want it eight times: `go tool pprof -top -cum \z
      -sample_index=contentions http://localhost:6060/debug/pprof/mutex` counts that. Nobody does anything in \z
      there that is too slow, so to make it faster would help little. Read the lines with `go tool pprof -list \z
      sellers http://localhost:6060/debug/pprof/mutex`, and ask the other question: what does this lock protect, \z
      and which of the sixteen want the same at all?",
  },
  load = { requests = 64, clients = 16 },
  fixed = "fixed.lua",
  expect = {
    { latency = "p50", value = ">= 3 x fixed" },
    { latency = "p50", value = ">= 6 x alone" }, -- 16 times the clients, and no more baskets per second
    { profile = "mutex.contentions", under = "creditSeller", share = ">= 0.9", value = ">= 5 per request" },
    { profile = "block.contentions", under = "creditSeller", share = ">= 0.9", value = ">= 5 per request" },
    { profile = "wall", under = "creditSeller", tag = { state = "sync.Mutex.Lock" }, share = ">= 0.7",
      value = ">= 3s per second" },
  },
  keeps = {
    { status = "2xx", share = ">= 0.99" },
    { metric = "credits_total", value = "= 8 per request" },
  },
  diagnosis = {
    class = "wait.convoy",
    where = "creditSeller",
    number = { 8, "", "how many times does one basket have to wait, about?", 0.25 },
  },
}
