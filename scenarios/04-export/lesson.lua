return {
  title = "Slow answers, and nobody knows where the time goes",
  symptom = "Answers take a few hundred milliseconds. The memory of the process has grown, too.",
  difficulty = 2,
  minutes = 20,
  tags = { "memory" },
  hints = {
    "The answers are slow, so begin with the time. Keep the process busy, `while sleep 0.1; do curl -s \z
      localhost:6060/ >/dev/null; done &`, and take a CPU profile meanwhile: `go tool pprof -top \z
      'http://localhost:6060/debug/pprof/profile?seconds=5'`. Sort by cum as well (`-cum`). Two functions of \z
      the machine share the time, and both are called from the same place of the application. What do the two \z
      do, and what would make one request call them for that long?",
    "Copying and drawing bytes is not the whole story: where do they go? Memory has two questions, and the \z
      heap profile answers both. What is in use now is `go tool pprof -top \z
      http://localhost:6060/debug/pprof/heap`; what was allocated since the step began, also if it is free \z
      again, is the same command with `-sample_index=alloc_space`. Take both when no request runs. What does \z
      it mean if the first one is nearly empty while the second one shows gigabytes?",
    "So nothing leaks: memory is taken and given back, again and again. Count it: `curl -s \z
      localhost:6060/debug/vars | grep -o '\"TotalAlloc\": *[0-9]*'` before and after one request tells how \z
      many bytes a request allocates, and `curl -s 'localhost:6060/debug/pprof/heap?debug=1' | grep '# Heap'` \z
      shows how much of the heap is idle. Then `go tool pprof -sample_index=alloc_space -list export \z
      http://localhost:6060/debug/pprof/heap` names the line. How large is the buffer there, how often is it \z
      made in one request, and could one buffer serve all of them?",
  },
  load = { requests = 3 },
  params = { rounds = 4 },
  fixed = "fixed.lua",
  expect = {
    { profile = "heap.alloc_space", under = "allocateMemory", share = ">= 0.9", value = ">= 20MB per request" },
    { memstats = "TotalAlloc", value = ">= 20MB per request", about = "allocateMemory" }, -- 30 for each round
    { memstats = "NumForcedGC", value = ">= 1 per request", about = "allocateMemory" },
    { profile = "heap.inuse_space", under = "allocateMemory", value = "<= 15MB", always = true },
  },
  keeps = {
    { status = "2xx", share = ">= 0.99" },
    { cpu_time = true, value = ">= 0.6 x fixed" }, -- the bytes are still made
  },
  diagnosis = { class = "memory.churn", where = "allocateMemory" },
}
