return {
  title = "Some guests, and then nobody",
  symptom = "After a restart the first guests are served. Soon, mostly when it is crowded, nobody gets an answer \z
    any more, and it stays like that until somebody restarts the service. The machine has nothing to do.",
  difficulty = 3,
  minutes = 25,
  tags = { "waiting" },
  hints = {
    "Make it happen: `diaglab load --requests 40 --clients 8 --timeout 1 localhost:6060/`, and then `curl \z
      --max-time 5 localhost:6060/`. Send single requests after a new `/goto?step=32`, one after the other, forty \z
      of them: does it happen then, too? Look at `top -p $(pidof diaglab)` and at `curl -s localhost:6060/status \z
      | grep tasks` while everything stands. Does it compute or wait, and does it need one guest or two at a \z
      time?",
    "All tasks wait, so look at what they wait for: `curl 'localhost:6060/debug/pprof/goroutine?debug=1'` groups \z
      those with the same stack. Nearly all of them want the same thing at the same line, and those are the many \z
      who suffer: they stand in a queue. Two tasks are different from all others. Which lines do these two stand \z
      at, and what would each of them have to get in order to go on?",
    "Now go in a circle. `curl 'localhost:6060/debug/pprof/goroutine?debug=2'` says of each waiting task which \z
      lock it waits for, and `held by task N` who has it. Begin with any task, go to the one that holds what it \z
      wants, and on from there, until you come to one where you have been. Then read both functions with `go tool \z
      pprof -list bookings http://localhost:6060/debug/pprof/goroutine`. In which order does each of them take \z
      the two, and what would change if both had the same?",
  },
  load = { requests = 40, clients = 8, timeout = 0.7 },
  fixed = "fixed.lua",
  expect = {
    { status = "none", share = ">= 0.5" },
    { profile = "goroutine", under = { "bookRoom", "lab.Mutex.lock" }, value = ">= 2" },
    { profile = "goroutine", under = { "cancelRoom", "lab.Mutex.lock" }, value = ">= 1" },
    -- Where they want their second lock: in the same order nobody has to wait there.
    { profile = "wall", under = "bookRoom", line = "scenario.lua:19", tag = { state = "sync.Mutex.Lock" },
      value = ">= 0.5s per second" },
    { profile = "wall", under = "cancelRoom", line = "scenario.lua:30", tag = { state = "sync.Mutex.Lock" },
      value = ">= 0.5s per second" },
    { metric = 'diaglab_tasks{state="sync.Mutex.Lock"}', value = ">= 2", about = { "bookRoom", "cancelRoom" } },
    { metric = "guests_served_total", value = "< 0.5 per request" },
  },
  keeps = { { metric = "guests_served_total", value = "<= 1 per request" } },
  diagnosis = { class = "wait.deadlock", where = { "bookRoom", "cancelRoom" } },
}
