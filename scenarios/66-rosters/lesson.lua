return {
  title = "No two rosters take the same time",
  symptom = "Half of the rosters are there at once, some take fifty times as long, and so do others in the next \z
    minute. The memory goes up and down, and the collector is always at work.",
  difficulty = 4,
  minutes = 30,
  tags = { "mixed" },
  hints = {
    "The ticket has four observations, and each of them could be something. Begin with the times. Ask for the \z
      same ten wards twice: `for i in $(seq 10); do curl -s -o /dev/null -w '%{time_total} s, %{size_download} \z
      bytes, ward '$i'\\n' \"localhost:6060/?ward=$i\"; done`, and again. Then send one ward a hundred times, \z
      `diaglab load --requests 100 'localhost:6060/?ward=7'`, and another one likewise. Is it chance which of them \z
      are slow, and what else is large where the time is?",
    "Then the collector. That it runs says nothing, since every program that makes anything leaves something \z
      behind. Ask how much it costs: `go tool pprof -top 'http://localhost:6060/debug/pprof/profile?seconds=5'` \z
      under load. And ask how much is made: `curl -s localhost:6060/debug/vars | grep -o '\"TotalAlloc\": \z
      *[0-9]*'` before and after a hundred rosters of one size. Divide it by the bytes that were sent. How many \z
      would you expect, for a text that is put together out of lines?",
    "Now say for each fault that you know what it would have shown, and look for that. Do a thousand further \z
      requests add to what is in use (`curl -s -o one.pb.gz 'localhost:6060/debug/pprof/heap?gc=1'`, then a \z
      load, then the same, and `go tool pprof -top -base`)? Is anybody waiting (`curl -s \z
      'localhost:6060/debug/pprof/block?debug=1'`)? Does a piece of a large roster cost more than one of a small \z
      roster, or the ten thousandth request more than the first?",
  },
  load = { requests = 600, path = "/?ward={n}" },
  expect = {
    { latency = "p99", value = ">= 8 x p50", always = true }, -- the symptom
    { latency = "p90", value = "<= 8 x p50", always = true, -- not among equals
      load = { requests = 60, path = "/?ward=7" } },
    { metric = "shifts_planned_total", value = "= 2676.8 per request", always = true },
    -- 37 bytes for each shift, whether it is one of 560 or of 84000.
    { memstats = "TotalAlloc", value = "2.8MB..3.5MB per request", always = true,
      load = { requests = 60, path = "/?ward=7" } },
    { memstats = "TotalAlloc", value = "15kB..25kB per request", always = true,
      load = { requests = 1000, path = "/?ward=1" } },
    { profile = "cpu", under = "[lua gc]", share = "<= 0.3", value = "<= 1ms per request", always = true },
    { profile = "heap.inuse_space", under = "planWard", value = "<= 8MB", always = true }, -- the last one's
    { memstats = "HeapAlloc", at = "end", value = "<= 30MB", always = true },
    { metric = "process_resident_memory_bytes", at = "end", value = "<= 100MB", always = true },
    { profile = "block.delay", under = "planWard", value = "<= 0.1s per second", always = true },
    { profile = "goroutine", under = "planWard", value = "= 0", always = true },
    { status = "2xx", share = ">= 0.999", always = true },
  },
  diagnosis = { class = "none" },
}
