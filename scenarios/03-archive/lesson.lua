return {
  title = "Slow answers, and a machine that fills up",
  symptom = "Answers take a few hundred milliseconds, and the process needs more memory every hour.",
  difficulty = 2,
  minutes = 15,
  tags = { "memory" },
  hints = {
    "Two complaints may have one cause or two, so look at the one that can be counted. Write down what the \z
      process has before and after ten requests: its memory (`ps -o rss= -p $(pidof diaglab)`), its \z
      descriptors (`ls /proc/$(pidof diaglab)/fd | wc -l`), and its tasks (`curl localhost:6060/status`). \z
      Then wait a minute without any request, and look once more. Which of these numbers grows with each \z
      request by about the same amount, and does it ever come back?",
    "Memory that grows with the requests and does not come back is still in use by somebody. A heap profile \z
      shows what is in use now, by the place where it was allocated: `curl -o before.pb.gz \z
      localhost:6060/debug/pprof/heap`, then five requests, then `curl -o after.pb.gz \z
      localhost:6060/debug/pprof/heap`, and `go tool pprof -top -base before.pb.gz after.pb.gz`. How much has \z
      each request added, and in which function of the application was it allocated?",
    "You know how much it is, and where it is allocated. A place that allocates is not wrong by itself: the \z
      question is who keeps the result. Show the lines, `go tool pprof -list archive \z
      http://localhost:6060/debug/pprof/heap`, and look at the line that has the bytes: which variable do \z
      they go into, and where is that variable declared? A variable inside a function is gone when the \z
      function returns. Is this one, and does anybody ever empty it?",
  },
  load = { requests = 5 },
  params = { rounds = 2 },
  fixed = "fixed.lua",
  expect = {
    { profile = "heap.inuse_space", under = "leakMemory", share = ">= 0.95", value = ">= 8MB per request" },
    { metric = "process_resident_memory_bytes", value = ">= 8MB per request", about = "leakMemory" },
    { memstats = "HeapAlloc", value = "9MB..20MB per request", about = "leakMemory" },
  },
  keeps = {
    { status = "2xx", share = ">= 0.99" },
    { cpu_time = true, value = ">= 0.3 x fixed" }, -- the bytes are still made, at least once
  },
  diagnosis = {
    class = "memory.retained",
    where = "leakMemory",
    number = { 10, "MB", "how much memory does each request keep?", 0.35 },
  },
}
