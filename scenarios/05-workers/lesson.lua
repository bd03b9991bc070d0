return {
  title = "Not as fast as it was, and heavier by the hour",
  symptom = "Answers take several times as long as they used to, and the process needs a little more of everything every hour.",
  difficulty = 3,
  minutes = 20,
  tags = { "leaks" },
  hints = {
    "A single request shows little, so send a few hundred: `diaglab load --requests 300 --clients 2`. Compare the process before and after: memory (`ps -o rss= -p $(pidof diaglab)`), descriptors (`ls /proc/$(pidof diaglab)/fd | wc -l`), threads (`ps -o nlwp= -p $(pidof diaglab)`), and what `curl localhost:6060/status` counts. Some numbers go back to what they were as soon as the load ends, and some do not. Which of them has grown, and by how much for each request?",
    "Something is started by each request and still exists when it has been answered. Profiles of bytes and of time can't show that well, because each single one costs little. On the page http://localhost:6060/debug/pprof/ look for a profile that counts things that are alive, and read its number before and after another hundred requests. Does it grow by the same number each time, and what kind of thing is it that lives on?",
    "Look at the stacks that all these have in common: `curl -s 'localhost:6060/debug/pprof/goroutine?debug=1' | head -20` groups equal stacks and writes first how many there are of each. The top of the largest group says what they wait for, and its last lines say who has created them. `go tool pprof -traces http://localhost:6060/debug/pprof/goroutine` shows the same. Which function starts them, what would have to happen for one of them to end, and does anybody do it?",
  },
  load = { requests = 100, clients = 2 },
  fixed = "fixed.lua",
  expect = {
    { profile = "goroutine", under = "startGoroutines", share = ">= 0.9", value = "= 5 per request" },
    { metric = "go_goroutines", value = "= 5 per request", about = "startGoroutines" },
  },
  diagnosis = {
    class = "leak.task",
    where = "startGoroutines",
    number = { 5, "", "how many tasks does each request leave behind?" },
  },
}
