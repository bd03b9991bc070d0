return {
  title = "Not as fast as it was, and heavier by the hour",
  symptom = "Answers take several times as long as they used to, and the process needs a little more of \z
    everything every hour.",
  difficulty = 2,
  minutes = 20,
  tags = { "leaks" },
  hints = {
    "A single request shows little, so send a few hundred: `diaglab load --requests 300 --clients 2 \z
      localhost:6060`. Compare the process before and after: memory (`ps -o rss= -p $(pidof diaglab)`), \z
      descriptors (`ls /proc/$(pidof diaglab)/fd | wc -l`), threads (`ps -o nlwp= -p $(pidof diaglab)`), and \z
      what `curl localhost:6060/status` counts. Some numbers go back to what they were as soon as the load \z
      ends, and some do not. Which of them has grown, and by how much for each request?",
    "Something is started by each request and still exists when it has been answered. Profiles of bytes and \z
      of time can't show that well, because each single one costs little. On the page \z
      http://localhost:6060/debug/pprof/ look for a profile that counts things that are alive, and read its \z
      number before and after another hundred requests. Does it grow by the same number each time, and what \z
      kind of thing is it that lives on?",
    "Look at the stacks that all these have in common: `curl -s \z
      'localhost:6060/debug/pprof/goroutine?debug=1' | head -20` groups equal stacks and writes first how \z
      many there are of each. The top of the largest group says what they wait for, and its last lines say \z
      who has created them. `go tool pprof -traces http://localhost:6060/debug/pprof/goroutine` shows the \z
      same. Which function starts them, what would have to happen for one of them to end, and does anybody do \z
      it?",
  },
  load = { requests = 100, clients = 2 },
  fixed = "fixed.lua",
  expect = {
    { profile = "goroutine", under = "startGoroutines", share = ">= 0.9", value = "= 5 per request" },
    { metric = "go_goroutines", value = "= 5 per request", about = "startGoroutines" },
  },
  keeps = {
    { status = "2xx", share = ">= 0.99" },
    { metric = "workers_started_total", value = "= 5 per request" },
  },
  diagnosis = {
    class = "leak.task",
    where = "startGoroutines",
    number = { 5, "", "how many tasks does each request leave behind?" },
  },
}
