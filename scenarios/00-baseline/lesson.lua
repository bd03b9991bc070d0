return {
  title = "All is well",
  symptom = "None. Look at a healthy program before you look at a sick one.",
  difficulty = 1,
  minutes = 5,
  hints = {
    "A healthy program is what you compare a sick one with. Send it some load in one terminal, such as \z
      `diaglab load --seconds 10 localhost:6060`, and look at it meanwhile in another one: `top -p $(pidof \z
      diaglab)`, `curl localhost:6060/status`, and http://localhost:6060/debug/pprof/ in a browser. Write down \z
      how long an answer takes, how much memory the process has, and how many descriptors and tasks. Which of \z
      these numbers grow while the load runs, and which of them go back when it has ended?",
    "Take one profile of each kind while the load runs, for example `go tool pprof -top \z
      'http://localhost:6060/debug/pprof/profile?seconds=5'` for CPU time, then heap, goroutine, block and \z
      mutex in the same way. In a healthy program most of them are nearly empty, and the CPU profile shows \z
      the server's own work: reading requests, and writing answers. Does any function of the application have \z
      a share that would need an explanation?",
  },
  load = { requests = 2000, clients = 2 },
  expect = {
    { status = "2xx", share = ">= 0.999", always = true },
    { profile = "goroutine", under = "helloWorldHandler", value = "= 0", always = true },
    { profile = "heap.inuse_space", under = "request", value = "<= 1MB", always = true },
    { metric = "process_open_fds", value = "<= 0.01 per request", always = true },
  },
  diagnosis = { class = "none" },
}
