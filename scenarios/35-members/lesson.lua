return {
  title = "It works until it doesn't",
  symptom = "After a restart all is well. Some minutes later, or some hours later, on a quiet day, no page is \z
    answered any more. The database has nothing to do and says that it is well.",
  difficulty = 3,
  minutes = 25,
  tags = { "waiting" },
  hints = {
    "Find out what it takes: select the step anew, and send one request after the other, `for i in $(seq 40); do \z
      echo \"$i $(curl -s --max-time 1 localhost:6060/)\"; done`. It works for some \z
      of them. Try again, and count. It isn't the load, and it isn't the time. Then see what the process says: `curl \z
      -s localhost:6060/status | grep tasks`. In which state are the requests that hang?",
    "They wait for a connection, and the dump says more about that: `curl \z
      'localhost:6060/debug/pprof/goroutine?debug=2' | grep 'pool wait'`. How many connections are there, how \z
      many of them are taken, and by which tasks? Look for these tasks in the same dump. Then ask the kernel: `ss \z
      -tnp | grep diaglab` shows the connections, open and without traffic. What must have happened to a task \z
      that is no longer there, and still has something?",
    "Where a request hangs is where it wants a connection, and that may be anywhere: these are the victims. You \z
      need the place that took one and didn't give it back. The program counts them: `go tool pprof -top -cum \z
      http://localhost:6060/debug/pprof/db.InUse` has the stacks of all that is taken now. Compare it with `go \z
      tool pprof -top -cum http://localhost:6060/debug/pprof/goroutine`, and read that function, line by line. On \z
      which of its ways out is something missing?",
  },
  load = { requests = 60, clients = 4, timeout = 0.25 },
  fixed = "fixed.lua",
  expect = {
    { status = "none", share = ">= 0.3" },
    { profile = "db.InUse", under = "findMember", value = "~ 4" },
    { metric = 'diaglab_tasks{state="pool wait"}', value = ">= 2", about = "findMember" },
    { profile = "wall", under = "listClubs", tag = { state = "pool wait" }, value = ">= 0.3s per second" },
    { metric = "pages_shown_total", value = "< 0.7 per request" },
  },
  keeps = { { metric = "pages_shown_total", value = "<= 1 per request" } },
  diagnosis = { class = "wait.pool", where = "findMember", victims = { "listClubs", "ask" } },
}
