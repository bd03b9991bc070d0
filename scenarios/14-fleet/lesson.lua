return {
  title = "Storing positions costs more than receiving them",
  symptom = "The service only writes numbers into a table, and its size stays the same. All the same it needs several \z
    times the processor time that this should take.",
  difficulty = 3,
  minutes = 25,
  tags = { "computing" },
  hints = {
    "Begin with the processor time, since that is the complaint. Send the load of this step in one terminal, \z
      `diaglab load --step 14 --seconds 10 localhost:6060`, and take a CPU profile in another one: `go tool \z
      pprof -top 'http://localhost:6060/debug/pprof/profile?seconds=5'`. Names in square brackets are no \z
      functions of the program; they are parts of the machine that runs it. Which of the names with much of the \z
      time would you not find in the source at all?",
    "A large part of the time goes into something that the program never calls, but causes. So count how often \z
      it happens: `curl -s localhost:6060/debug/vars | grep -o '\"NumGC\": *[0-9]*'` before and after some \z
      hundred requests. Then ask what makes it necessary, with `go tool pprof -sample_index=alloc_objects -top \z
      localhost:6060/debug/pprof/heap`: the number of objects that have been made since the step was entered. \z
      How many does one message make, and how many does the service have in use all the time?",
    "Now put both together. `go tool pprof -peek 'lua gc' \z
      'http://localhost:6060/debug/pprof/profile?seconds=5'` shows in which function of the program the \z
      collector had to work, and `go tool pprof -sample_index=alloc_space -list fleet \z
      localhost:6060/debug/pprof/heap` shows the line that makes the garbage. What that line makes replaces \z
      something of the same form that is thrown away at that moment. Would the old one not do?",
  },
  load = { requests = 150 },
  fixed = "fixed.lua",
  expect = {
    { cpu_time = true, value = ">= 1.5 x fixed" },
    { profile = "cpu", under = { "storePosition", "[lua gc]" }, share = ">= 0.2", value = ">= 0.1ms per request" },
    { memstats = "NumGC", value = ">= 0.05 per request", about = "storePosition" },
    { profile = "heap.alloc_space", under = "storePosition", share = ">= 0.8", value = ">= 300kB per request" },
    { memstats = "HeapAlloc", at = "end", value = "<= 80MB", always = true }, -- nothing piles up
  },
  keeps = {
    { status = "2xx", share = ">= 0.99" },
    { metric = "positions_total", value = "= 5000 per request" },
  },
  diagnosis = { class = "gc.pressure", where = "storePosition" },
}
