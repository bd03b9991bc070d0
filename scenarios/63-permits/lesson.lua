return {
  title = "Permits for cars, in no hurry",
  symptom = "A permit is given in some milliseconds, and several times a second everybody waits ten times as long. \z
    The processor is neither busy nor idle. What was done against it so far has not helped.",
  difficulty = 4,
  minutes = 35,
  tags = { "mixed" },
  hints = {
    "Does it compute or does it wait? That question has halved the number of explanations so far. Put eight \z
      clients on it, `diaglab load --seconds 60 --clients 8 localhost:6060/`, and look at %CPU in `top -p $(pidof \z
      diaglab)`, several times. A program that only computes has 100 here, one that only waits has next to \z
      nothing. Compare p50 with one client and with eight, too. What if the answer is: both, in turn?",
    "Then look for each by itself, and believe neither to be all of it. What is computed: `go tool pprof -top -cum \z
      'http://localhost:6060/debug/pprof/profile?seconds=5'`. What is waited for: the same with `wall` and \z
      with `block` in the place of `profile`. The first one and the last one have different functions. Write down \z
      for each what share of a request's time it explains: wall has both, by state (`-tags`). Is either of them \z
      enough to explain what the users see?",
    "In the CPU profile the largest function is small, and is called thousands of times in a request: `go tool pprof \z
      -peek plainPlate` with that profile says by whom. In the block profile you see who suffers, in the mutex \z
      profile who made them wait; `curl 'localhost:6060/debug/pprof/goroutine?debug=2'` some times in a row has \z
      the holder's stack. An answer may have two parts: `class=... where=... class2=... where2=...`. Which of \z
      the two would you repair first, and what would the users notice of it?",
  },
  load = { seconds = 2, clients = 8 },
  fixed = "fixed.lua",
  expect = {
    -- Not p50: of who reads each plate once, and still goes through all of them, it is two to four times that of
    -- fixed.lua, and both are a part of a millisecond. That is no fault any more.
    { cpu_time = true, value = ">= 12 per request x fixed" },
    { profile = "cpu", under = "isSearched", share = ">= 0.7", value = ">= 0.3ms per request" },
    { profile = "mutex.delay", under = "sendGiven", share = ">= 0.8", value = ">= 0.3s per second" },
    { profile = "block.delay", under = "noteGiven", share = ">= 0.8", value = ">= 0.3s per second" },
    { profile = "wall", under = "noteGiven", tag = { state = "sync.Mutex.Lock" }, value = ">= 0.3s per second" },
  },
  keeps = {
    { status = "2xx", share = ">= 0.99" },
    { metric = "permits_total", value = "= 1 per request" },
    { metric = "permits_reported_total", value = ">= 20" },
  },
  diagnosis = {
    class = "cpu.hot",
    where = "isSearched",
    also = {
      class = "wait.lock",
      where = "sendGiven",
      victims = "noteGiven",
      number = { 120, "ms", "for how long are the permits locked each time?", 0.3 },
    },
  },
}
