return {
  title = "One visitor writes long letters",
  symptom = "A short entry of the guest book is shown at once. A long one takes very much longer, and not only in \z
    proportion to its length.",
  difficulty = 2,
  minutes = 15,
  tags = { "computing" },
  hints = {
    "How does the time grow with the size of the entry? Here the size is a part of the URL, so you can measure \z
      it: `curl -s -o /dev/null -w '%{time_total}\\n' 'localhost:6060/?length=10000'`, then with 20000, 40000 \z
      and 80000. Write the four times beside the four sizes, and divide each by the one before. If twice the \z
      input took twice the time, the work would grow with the input. What do you get instead?",
    "Which function does this work? Send the load of this step, `diaglab load --step 11 --seconds 10 \z
      localhost:6060`, and take a CPU profile: `go tool pprof -top -cum \z
      'http://localhost:6060/debug/pprof/profile?seconds=5'`. Near the top of the list stand the program's own \z
      functions, from the outermost to the innermost. Which is the last one that has nearly all of the time, \z
      and what does the machine do below it: compute, search, or copy?",
    "Ask how much memory is allocated for one entry, with `go tool pprof -sample_index=alloc_space -top \z
      localhost:6060/debug/pprof/heap`, or as the difference of `TotalAlloc` in `curl -s \z
      localhost:6060/debug/vars` before and after one request. An entry of twenty thousand characters is \z
      twenty kilobytes, so compare. Then look at the line, `go tool pprof -sample_index=alloc_space -list \z
      guestbook localhost:6060/debug/pprof/heap`. What is copied there each time a single character is added?",
  },
  load = { requests = 8 },
  fixed = "fixed.lua",
  expect = {
    { latency = "p50", value = ">= 5 x fixed" },
    { profile = "cpu", under = "escapeText", share = ">= 0.8", value = ">= 3ms per request" },
    { profile = "heap.alloc_space", under = "escapeText", share = ">= 0.9", value = ">= 100MB per request" },
    { memstats = "TotalAlloc", value = ">= 100MB per request", about = "escapeText" },
  },
  keeps = {
    { status = "2xx", share = ">= 0.99" },
    { metric = "entries_shown_total", value = "= 1 per request" },
  },
  diagnosis = {
    class = "cpu.quadratic",
    where = "escapeText",
    number = { 232, "MB", "how much is allocated to show an entry of 20,000 characters?" },
  },
}
