return {
  title = "One account takes forty times as long",
  symptom = "A statement of an account is there within milliseconds. For one account in twenty it takes forty \z
    times as long, each time. The machine and the archive have nothing to do.",
  difficulty = 4,
  minutes = 25,
  tags = { "waiting" },
  hints = {
    "Find out which requests are slow: `for i in $(seq 20); do curl -s -o /dev/null -w '%{time_total} \z
      %{size_download} '$i'\\n' \"localhost:6060/?account=$i\"; done`. It is the same account each time, so it \z
      isn't chance, and it isn't the load. There are three numbers in each line. Divide the first by the second \z
      one. What is different about the slow account, and what isn't?",
    "It looks like the fault of step 34: `go tool pprof -top -cum \z
      'http://localhost:6060/debug/pprof/wall?seconds=5'` has nearly all time in calls to another service. So do \z
      what helped there, and count: `curl -s localhost:6060/metrics | grep -E '^(pages|bookings)'` before and \z
      after one statement of that account, and before and after one of another account. How many bookings does a \z
      call bring, and how many calls would you need for the same at least?",
    "Then look for what would be wrong in each of the other ways: `curl -s \z
      'localhost:6060/debug/pprof/block?debug=1'` has no waits for locks or connections, `curl -s \z
      'localhost:6060/debug/pprof/goroutine?debug=1'` has nobody who hangs, and `diaglab load --requests 100 \z
      'localhost:6060/?account=1'` beside `diaglab load --seconds 20 'localhost:6060/?account=7'` shows whether \z
      others suffer. Do they, and does anybody wait longer than what he has asked for takes?",
  },
  load = { requests = 100, path = "/?account={n}" },
  expect = {
    { latency = "p99", value = ">= 5 x p50", always = true }, -- the symptom
    { latency = "p50", value = "<= 4 x alone", always = true, -- a small statement beside a large one
      load = { requests = 60, path = "/?account=1", beside = { path = "/?account=7" } } },
    { metric = "pages_read_total", value = "= 2.95 per request", always = true }, -- as many as it takes
    { metric = "bookings_shown_total", value = "= 295 per request", always = true },
    { profile = "block.delay", under = "writeStatement", value = "<= 0.1s per second", always = true },
    { profile = "goroutine", under = "writeStatement", value = "= 0", always = true },
    { status = "2xx", share = ">= 0.999", always = true },
  },
  diagnosis = { class = "none" },
}
