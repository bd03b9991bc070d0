return {
  title = "Adding up six hundred numbers",
  symptom = "A request adds up the discounts of six hundred articles. That should take microseconds and takes \z
    milliseconds. It began with the last release, whose only purpose was to find another mistake.",
  difficulty = 2,
  minutes = 15,
  tags = { "io" },
  hints = {
    "The release was made to find something, and the service is slow since then. So ask what the process does \z
      besides its work. `diaglab load --requests 100 localhost:6060/`, and before and after it `curl -s \z
      localhost:6060/metrics | grep -E 'cpu_seconds|diaglab_io'`. The answers are some twenty bytes each. How many \z
      bytes does the process write for one request, and where could they go?",
    "`lsof -p $(pidof diaglab) | grep -E ' [0-2][uw] '` says where the standard output and the standard error of \z
      the process end, and `strace -f -e trace=write -s 60 -p $(pidof diaglab)` during one request shows what is \z
      written there. Read some of these lines: for whom were they written, and how many are there for one \z
      request?",
    "What is written must first be made, and that costs more than to write it. `go tool pprof -top -cum \z
      'http://localhost:6060/debug/pprof/profile?seconds=5'` under `diaglab load --seconds 10 localhost:6060/` has \z
      the functions that make it, and `-list discounts` instead of `-top -cum` has the line. The function that \z
      describes an article is asked to do so. Who asks it for each article, and would anybody miss the result?",
  },
  load = { requests = 80 },
  fixed = "fixed.lua",
  expect = {
    { cpu_time = true, value = ">= 3 x fixed" },
    { profile = "cpu", under = "discountOf", share = ">= 0.5", value = ">= 0.2ms per request" },
    { metric = 'diaglab_io_bytes_total{call="write"}', value = ">= 20kB per request", about = "discountOf" },
  },
  keeps = {
    { status = "2xx", share = ">= 0.99" },
    { metric = "articles_seen_total", value = "= 600 per request" },
  },
  diagnosis = {
    class = "io.log",
    where = "discountOf",
    number = { 63, "kB", "how much does the process write for one request?", 0.3 },
  },
}
