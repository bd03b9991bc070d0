return {
  title = "A tenth of a second for four seats",
  symptom = "A request asks the seating plan, which is on the same machine, for four seats. That takes a tenth of a \z
    second, each time and quite exactly, and nobody computes anything meanwhile.",
  difficulty = 4,
  minutes = 30,
  tags = { "net" },
  hints = {
    "First see how exact it is: `diaglab load --requests 20 localhost:6060/`, and compare p50 with p90. A machine \z
      that computes or a disk that is busy isn't so regular; something that waits for a clock is. Then change the \z
      size: `curl 'localhost:6060/goto?step=54&seats=2'`, and then 8. By how much does the time grow with each \z
      seat, and which of them costs nothing?",
    "Who waits for whom? `go tool pprof -top -cum 'http://localhost:6060/debug/pprof/wall?seconds=5'` under load \z
      shows the two ends of the connection, and both wait for the network. So nobody is slow, and yet something \z
      is under way. `strace -f -r -e trace=sendto,recvfrom -p $(pidof diaglab)` shows every call with the time \z
      since the one before. Between which two calls does the time pass?",
    "Between the second small piece that is sent and its arrival. TCP doesn't send a small piece while the one \z
      before hasn't been acknowledged, and the other end waits with its acknowledgement, up to 40 ms, as it hopes \z
      to send it along with an answer. It has no answer yet, as it waits for the rest of the question. `go tool \z
      pprof -list seats 'http://localhost:6060/debug/pprof/wall?seconds=5'` shows the lines. Which function \z
      divides one question into two pieces, and what are two ways to prevent that?",
  },
  load = { requests = 15 },
  fixed = "fixed.lua",
  expect = {
    { profile = "wall", under = "askSeat", share = ">= 0.2", value = ">= 50ms per request" },
    { cpu_time = true, value = "<= 20ms per request", always = true },
  },
  keeps = {
    { status = "2xx", share = ">= 0.99" },
    { metric = "seats_asked_total", value = "= 4 per request" },
  },
  diagnosis = {
    class = "net.nagle",
    where = "askSeat",
    victims = "answerPlan",
    number = { 40, "ms", "how long does one exchange take, after the first?", 0.25 },
  },
}
