return {
  title = "The departures board stands still",
  symptom = "The next train is there at once, until somebody asks for the whole plan. Then all pages of the \z
    service are slow, also those that have nothing to do with the plan, and the processor is idle.",
  difficulty = 3,
  minutes = 25,
  tags = { "waiting" },
  hints = {
    "Make both at a time: in one terminal `diaglab load --seconds 60 localhost:6060/plan`, in another one \z
      `diaglab load --seconds 5 --clients 4 localhost:6060/`, and once more without the first. Look at %CPU in \z
      `top -p $(pidof diaglab)` while it is slow. It neither computes, nor does the page for the next train wait \z
      for anything that it asks for. Is there a lock, a channel, another service in its way? What does `curl -s \z
      'localhost:6060/debug/pprof/goroutine?debug=2' | grep ^goroutine` say?",
    "The requests are `runnable`: they could run, and they don't, because all of them run on one thread, one at a \z
      time. So somebody else has this thread. `go tool pprof -top -cum \z
      'http://localhost:6060/debug/pprof/wall?seconds=5'` tells what runs from what is ready to run, and `go tool \z
      pprof -top 'http://localhost:6060/debug/pprof/profile?seconds=5'` tells what computes. The first has a lot \z
      that isn't in the second. Which function has the thread without computing?",
    "See it from the kernel's side: `ps -L -o lwp,comm,stat,pcpu,wchan -p $(pidof diaglab)` lists the threads. \z
      The one called vm sleeps, although there is work. `strace -f -e trace=read,clock_nanosleep -p $(pidof \z
      diaglab)` shows its number and what it waits for. A read that is made by the thread on which all requests \z
      run lets all of them wait. Step 3 reads no file, it draws random bytes, but another thread does that, and \z
      other requests go on meanwhile. Which line opens the file here, and what does it ask for?",
  },
  load = { seconds = 2, clients = 4, beside = { path = "/plan" } },
  fixed = "fixed.lua",
  expect = {
    { latency = "p50", value = ">= 4 x fixed" },
    { profile = "wall", under = "readPlan", tag = { state = "running" }, value = ">= 0.5s per second" },
    { profile = "wall", under = "nextTrain", tag = { state = "runnable" }, value = ">= 1s per second" },
    { profile = "wall", leaf = "[running, off CPU]", under = "readPlan", value = ">= 0.4s per second" },
  },
  keeps = {
    { status = "2xx", share = ">= 0.99" },
    { metric = "trains_shown_total", value = "= 1 per request" },
  },
  diagnosis = {
    class = "wait.loop",
    where = "readPlan",
    victims = "nextTrain",
    number = { 20, "ms", "for how long does the thread stand still each time?", 0.3 },
  },
}
