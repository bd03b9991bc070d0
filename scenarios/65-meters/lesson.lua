return {
  title = "Fast for a minute",
  symptom = "After each restart a reading is taken in no time. A little later the process needs several times the \z
    processor time, with the same load, and it stays so until the next restart.",
  difficulty = 3,
  minutes = 25,
  tags = { "mixed" },
  params = { every = 1 },
  hints = {
    "A test that takes ten seconds has never seen this, so look for longer, and write down when it changes. Enter \z
      the step anew, and let a load run in the background: `diaglab load --seconds 150 --rate 200 --clients 4 \z
      localhost:6060/`. Meanwhile look at `top -p $(pidof diaglab)`, or each ten seconds at `curl -s \z
      localhost:6060/metrics | grep -E '^(process_cpu|readings|looks)'`. Does it become slower bit by bit, or \z
      at one moment, and how long after the start is that?",
    "You know two states of the same program under the same load, so compare them: that is easier than to \z
      understand either. `go tool pprof -top -cum 'http://localhost:6060/debug/pprof/profile?seconds=5'` in the \z
      first minute, and the same in the third one. (To wait for less: the scenario has a parameter for the time, \z
      see `curl localhost:6060/steps`, and `/goto?step=65&every=5` sets it.) What does the second one have that \z
      the first one doesn't?",
    "The function that leads is right: somebody has to look at all meters from time to time. How often is it \z
      called? `curl -s localhost:6060/metrics | grep -E '^(looks|readings)'` twice, some seconds apart, after the \z
      first minute. Its caller decides that it is time: read it, `go tool pprof -list meters \z
      'http://localhost:6060/debug/pprof/profile?seconds=5'`, and work out by hand what it writes down when the \z
      clock shows 60, 61 and 62 seconds. When is it due the next time?",
  },
  load = { requests = 400, clients = 2, first = { seconds = 1.3, clients = 2 } },
  fixed = "fixed.lua",
  expect = {
    { latency = "p50", value = ">= 3 x fixed" },
    { cpu_time = true, value = ">= 3 x fixed" },
    { profile = "cpu", under = "watchMeters", share = ">= 0.7", value = ">= 0.03ms per request" },
    { metric = "looks_total", value = ">= 50", about = "watchMeters" },
  },
  keeps = {
    { status = "2xx", share = ">= 0.99" },
    { metric = "readings_total", value = "= 1 per request" },
  },
  diagnosis = {
    class = "cpu.hot",
    where = "watchMeters",
    number = { 1, "", "how often does it look at all meters for one reading, after the first minute?" },
  },
}
