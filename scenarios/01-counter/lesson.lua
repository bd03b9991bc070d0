return {
  title = "No answer at all",
  symptom = "Requests are never answered. The process is there, and the machine has nothing to do.",
  difficulty = 2,
  minutes = 10,
  tags = { "waiting" },
  hints = {
    "Begin with the question that halves the number of explanations: while you wait for the answer, does the \z
      process compute, or does it do nothing? Send a request with `curl --max-time 60 localhost:6060/ &`, and \z
      while it hangs look at `top -p $(pidof diaglab)`, and at the process's log. The log says what has \z
      begun, and what has ended. Has the request reached the application, and what does the column %CPU say?",
    "The process uses no CPU time, so a CPU profile of it is empty, and that is an answer, too: `go tool \z
      pprof -top 'http://localhost:6060/debug/pprof/profile?seconds=2'` has no samples. What does not compute \z
      waits for something. So you need a view that shows tasks that wait, with the place where they do: the \z
      page http://localhost:6060/debug/pprof/ lists all there are. Which of them count things that exist, \z
      rather than time that was used?",
    "Send three requests in the background, `for i in 1 2 3; do curl -s --max-time 60 localhost:6060/ & \z
      done`, and look at all tasks while they hang: `curl 'localhost:6060/debug/pprof/goroutine?debug=2'`. \z
      Each task begins with a line that has its state in brackets, and below it stands its stack, innermost \z
      function first. All three have the same state, in the same function of the application. Who would have \z
      to do something so that they can go on, and is there any task that could do it?",
  },
  load = { requests = 4, clients = 4, timeout = 0.7 },
  fixed = "fixed.lua",
  expect = {
    { status = "none", share = ">= 0.99" },
    { profile = "goroutine", under = "countRequest", value = "~ 1 per request" },
    { profile = "wall", under = "countRequest", tag = { state = "sync.Mutex.Lock" }, value = ">= 0.2s per request" },
    { metric = 'diaglab_tasks{state="sync.Mutex.Lock"}', value = "~ 1 per request", about = "countRequest" },
    { metric = "requests_served_total", value = "< 1 per request" }, -- a repair counts each
  },
  keeps = { { metric = "requests_served_total", value = "<= 1 per request" } }, -- and none twice
  diagnosis = { class = "wait.lock", where = { "countRequest", "enter" } },
}
