return {
  title = "Twice the customers, and no more samples",
  symptom = "One customer gets a sample within milliseconds. With thirty-two of them each waits many times as long, \z
    and from a few customers on, no more samples are drawn per second.",
  difficulty = 3,
  minutes = 25,
  tags = { "mixed" },
  hints = {
    "Make the table of the load test yourself: `for n in 1 2 4 8 16 32; do diaglab load --seconds 3 --clients $n \z
      localhost:6060/; done`, and write the rate and p50 in two columns. The rate rises at first, and then it \z
      doesn't. Read at how many clients it stops, and how much it has risen until then. You have seen two such \z
      columns in step 31, where they stopped at one client. Which thing does this machine have as often as there \z
      are clients at that point (`nproc`)?",
    "In step 31 nobody had anything to do, and all waited. Look whether that is so here. While thirty-two \z
      clients ask, take `top -b -n 2 -d 2 | head -40`, and read the line of the processors (`id` is what nobody \z
      uses), then `go tool pprof -top 'http://localhost:6060/debug/pprof/profile?seconds=5'` and the header of \z
      it: divide Total samples by Duration. Then take the profile `block` in the same way. Who keeps whom waiting?",
    "So the processors are busy, and the question is whether they have to be. Measure what one sample costs, \z
      with one client and with thirty-two: `curl -s localhost:6060/metrics | grep -E \z
      '^(process_cpu_seconds|bytes_drawn)'` before and after `diaglab load --requests 200 localhost:6060/`, and \z
      divide by 200. Is it more with thirty-two? Divide the number of processors by it: so many samples per \z
      second are possible on this machine at all. How many were there?",
  },
  load = { requests = 96, clients = 32 },
  expect = {
    -- The symptom. 128 clients share the processors, so it shows on machines with up to 40.
    { latency = "p50", value = ">= 3 x alone", always = true, load = { requests = 128, clients = 128 } },
    { metric = "bytes_drawn_total", value = "= 8000000 per request", always = true },
    { profile = "cpu", under = "drawSample", share = ">= 0.6", value = ">= 1ms per request", always = true },
    -- All that time they are in the hands of a worker, or next in its line.
    { profile = "wall", under = "drawBlock", tag = { state = "syscall" }, share = ">= 0.8", value = ">= 8s per second",
      always = true },
    { profile = "block.delay", under = "drawSample", value = "<= 0.1s per second", always = true },
    { profile = "mutex.delay", under = "drawSample", value = "<= 0.1s per second", always = true },
    { profile = "goroutine", under = "drawSample", value = "= 0", always = true },
    { memstats = "HeapAlloc", at = "end", value = "<= 200MB", always = true },
    { status = "2xx", share = ">= 0.999", always = true },
  },
  diagnosis = { class = "none" },
}
