return {
  title = "Larger since the first night",
  symptom = "When the day is closed for the first time, the process becomes many times as large as it was, and a \z
    minute after that it still is.",
  difficulty = 4,
  minutes = 30,
  tags = { "memory" },
  hints = {
    "One number after one night says little. Look at the process over some nights: `ps -o rss= -p $(pidof \z
      diaglab)`, then `curl localhost:6060/close-day`, then `ps` again; and both another four times. Write the \z
      sizes one below the other. Draw what a program would look like that loses some of its memory each night, \z
      and what this one looks like. What will it have after a year?",
    "Then find out what this memory is. `go tool pprof -top 'http://localhost:6060/debug/pprof/heap?gc=1'` has \z
      the objects that are in use now, and `-sample_index=alloc_space` those that were made for the work. \z
      `curl -s 'localhost:6060/debug/pprof/heap?debug=1' | grep '# Heap'` has the books of the memory manager: \z
      HeapInuse are pages with an object, HeapIdle are pages without one, HeapReleased those that the system \z
      has back already. Where is the memory by which the process has grown?",
    "Say what you would see if the program kept what it doesn't need: more in use after each night, in the \z
      profile of what is held. `curl -s -o one.pb.gz 'localhost:6060/debug/pprof/heap?gc=1'; curl -s -o \z
      /dev/null localhost:6060/close-day; curl -s -o two.pb.gz 'localhost:6060/debug/pprof/heap?gc=1'; go tool \z
      pprof -top -base one.pb.gz two.pb.gz` is the test of that. And if it were the other kind, with small \z
      rests all over the pages: HeapInuse would be high. Is it?",
  },
  load = { requests = 5, path = "/close-day" },
  expect = {
    { metric = "process_resident_memory_bytes", value = ">= 30MB", always = true }, -- the symptom
    -- It is that of one night: five of them would be 300 MB.
    { metric = "process_resident_memory_bytes", at = "end", value = "<= 150MB", always = true },
    { memstats = "HeapInuse", at = "end", value = "<= 20MB", always = true },
    { memstats = "HeapAlloc", at = "end", value = "<= 15MB", always = true },
    { profile = "heap.inuse_space", under = "closeDay", value = "<= 2MB", always = true },
    { profile = "heap.alloc_space", under = "closeDay", share = ">= 0.9", value = ">= 30MB per request",
      always = true },
    { status = "2xx", share = ">= 0.999", always = true },
  },
  keeps = { { metric = "days_closed_total", value = "= 1 per request" } },
  diagnosis = { class = "none" },
}
