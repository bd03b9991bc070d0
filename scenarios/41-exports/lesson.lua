return {
  title = "Busy at night, when nobody is there",
  symptom = "Exports are ready in milliseconds. But the process uses the processor even when nobody exports \z
    anything, and the more exports there were during the day, the more it uses at night.",
  difficulty = 3,
  minutes = 25,
  tags = { "leaks" },
  hints = {
    "The ticket is about a time without requests, so measure there. `ps -o cputime,nlwp,rss -p $(pidof diaglab)` \z
      twice, ten seconds apart, with nobody asking; then fifty exports with `diaglab load --requests 50 \z
      localhost:6060/`, and the same again. `curl -s localhost:6060/metrics | grep -E '^(estimates|exports|go_gor)'` \z
      has three numbers more. Which of all these go on growing while you do nothing, and how fast?",
    "A CPU profile of the quiet process shows what it computes, `go tool pprof -top \z
      'http://localhost:6060/debug/pprof/profile?seconds=5'`, and that function is small and does what it should. \z
      The question is who still wants it. So look at what exists: `curl -s \z
      'localhost:6060/debug/pprof/goroutine?debug=1' | head -20`. How many tasks are there for each export, and \z
      what do all of them wait for?",
    "A task that sleeps is woken by a clock, again and again, until somebody stops the clock. Its stack says \z
      where it was set: `go tool pprof -list exports localhost:6060/debug/pprof/goroutine`. An export sets \z
      several, one after the other, and does stop one. Into what does it write them down, and which of them can \z
      it still find at its end?",
  },
  load = { requests = 60, clients = 2 },
  fixed = "fixed.lua",
  expect = {
    { profile = "goroutine", under = "writePart", share = ">= 0.9", value = "~ 3 per request" },
    { metric = "go_goroutines", value = "~ 3 per request", about = "writePart" },
    { metric = "estimates_total", during = "idle", value = ">= 1 per request", about = "writePart" },
    { cpu_time = true, during = "idle", value = ">= 3 x fixed" },
  },
  keeps = {
    { status = "2xx", share = ">= 0.99" },
    { metric = "exports_total", value = "= 1 per request" },
  },
  diagnosis = {
    class = "leak.timer",
    where = { "writePart", "exportRows" },
    victims = "estimateRest",
    number = { 3, "", "how many timers does each export leave behind?" },
  },
}
