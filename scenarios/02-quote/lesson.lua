return {
  title = "Every answer takes five seconds",
  symptom = "An answer takes five seconds, by night as by day, with a single user on the machine.",
  difficulty = 1,
  minutes = 10,
  tags = { "computing" },
  hints = {
    "Whatever takes five seconds is either work or waiting, and one look tells them apart. Send a request in \z
      one terminal, `curl localhost:6060/`, and look at `top -p $(pidof diaglab)` in another one while it \z
      runs. The column %CPU is a share of one processor: 100 means that one thread computes all the time, and \z
      0 means that the process waits for something else. Which of the two is it here, and for how long?",
    "A profile of CPU time is for work, so take one while a request runs: begin `go tool pprof -top \z
      'http://localhost:6060/debug/pprof/profile?seconds=6'` and send the request right after it, from \z
      another terminal. The column flat is the time in a function itself; the column cum is the time in it \z
      and in all that it calls. Which functions have nearly all of the time in cum, and what does the one \z
      with the largest flat do?",
    "Read the profile from the outside to the inside: `main.doSomeBusinessLogic` is on every stack, since it \z
      calls the scenario. Below it stands `request`, and below that the function which does the work. \z
      Everything further inside belongs to the lab's library, which only does what it was asked to. `go tool \z
      pprof -list quote ...` shows the lines of the source with their time. Which is the last function in \z
      that chain that belongs to the application, and how much time does one request spend in it?",
  },
  load = { requests = 8 },
  params = { seconds = 0.1 },
  fixed = { seconds = 0.001 },
  expect = {
    { latency = "p50", value = ">= 10 x fixed" },
    { profile = "cpu", under = "eatCPU", share = ">= 0.9", value = ">= 0.05s per request" },
    { cpu_time = true, value = ">= 20 x fixed", about = "eatCPU" },
  },
  keeps = {
    { status = "2xx", share = ">= 0.99" },
    { metric = "quotes_total", value = "= 1 per request" },
  },
  diagnosis = {
    class = "cpu.hot",
    where = "eatCPU",
    number = { "seconds", "s", "how much CPU time does one request take?" },
  },
}
