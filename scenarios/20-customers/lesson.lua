return {
  title = "Twenty customers, and no end of memory",
  symptom = "The shop has twenty customers, and each profile is made once, says the developer. But the process grows \z
    with every request, and an answer never gets faster.",
  difficulty = 2,
  minutes = 20,
  tags = { "memory" },
  hints = {
    "Two things are said of the program: that it has twenty profiles, and that each is made once. Check both \z
      with numbers. Ask for the same customer ten times, `for i in $(seq 10); do curl -s -o /dev/null -w \z
      '%{time_total}\\n' 'localhost:6060/?customer=7'; done`, and look at `ps -o rss= -p $(pidof diaglab)` and \z
      at `curl -s localhost:6060/metrics | grep profiles` before and after it. What should each of these \z
      numbers do, and what does it do?",
    "What does the process hold now? Take a heap profile, a hundred requests, and another heap profile: `curl \z
      -s -o before.pb.gz 'localhost:6060/debug/pprof/heap?gc=1'`, `diaglab load --requests 100 \z
      'localhost:6060/?customer=7'`, `curl -s -o after.pb.gz 'localhost:6060/debug/pprof/heap?gc=1'`, and then \z
      `go tool pprof -top -cum -base before.pb.gz after.pb.gz`. The difference has a function that makes \z
      something, and one that asks for it. Which of the two decides how long it is kept?",
    "A function that makes a thing and returns it has no say in what becomes of it. So look one call further \z
      out, `go tool pprof -peek buildProfile localhost:6060/debug/pprof/heap`, and read that function with \z
      `go tool pprof -list customers localhost:6060/debug/pprof/heap`. It looks something up before it asks for \z
      a new one, and stores what it gets. With what does it look, and can that ever be the same for two \z
      requests?",
  },
  load = { requests = 400, path = "/?customer={n}" },
  fixed = "fixed.lua",
  expect = {
    { metric = "process_resident_memory_bytes", value = ">= 40kB per request", about = "profileOf" },
    { profile = "heap.inuse_space", under = "profileOf", share = ">= 0.8", value = ">= 40kB per request" },
    { metric = "profiles_built_total", value = ">= 0.9 per request", about = "profileOf" },
  },
  keeps = {
    { status = "2xx", share = ">= 0.99" },
    { metric = "profiles_shown_total", value = "= 1 per request" },
  },
  diagnosis = {
    class = "memory.retained",
    where = "profileOf",
    number = { 90, "kB", "how much memory does each request keep?", 0.3 },
  },
}
