return {
  title = "The import has ended, the memory hasn't come back",
  symptom = "After each import the program gives back all memory that it doesn't need. Of the prices it keeps two or \z
    three megabytes. But the process stays at many times of that.",
  difficulty = 4,
  minutes = 30,
  tags = { "memory" },
  hints = {
    "See it first: `ps -o rss= -p $(pidof diaglab)`, then `curl localhost:6060/import`, then `ps` again, and \z
      once more after a second and a third import. Then ask who has this memory: `go tool pprof -top \z
      'http://localhost:6060/debug/pprof/heap?gc=1'` shows what objects are in use. Add up what it says and \z
      compare it with RSS. Does the process grow with each import, and how much of it can the profile explain?",
    "Between what is in use and what the process has, the memory manager has books of its own: `curl -s \z
      localhost:6060/metrics | grep ^go_memstats_heap`. Of these `alloc` are the bytes of objects, `inuse` the \z
      pages that have at least one object, and `idle` minus `released` the pages that have \z
      no object and could be given back. Before you ask for a reason: in which of the three is the memory that \z
      nobody seems to use?",
    "A page can be given back when there is no object on it, and not before. So one small object keeps a page \z
      of four kilobytes, or as many of them as the memory manager takes at a time. Look at what lay beside each \z
      other when the memory was full: `go tool pprof -sample_index=alloc_space -list prices \z
      http://localhost:6060/debug/pprof/heap`. In which order were these objects made, which of them are \z
      thrown away, and what is left between them? And if the program decided about each one before it made the \z
      next one?",
  },
  load = { requests = 1, path = "/import" },
  fixed = "fixed.lua",
  expect = {
    { metric = "process_resident_memory_bytes", value = ">= 25MB", about = "importPrices" },
    { memstats = "HeapInuse", at = "end", value = ">= 30MB", about = "importPrices" },
    { memstats = "HeapAlloc", at = "end", value = "<= 15MB", always = true }, -- so little is kept
    { profile = "heap.inuse_space", under = "importPrices", value = "<= 10MB", always = true },
  },
  keeps = {
    { status = "2xx", share = ">= 0.99" },
    { metric = "imports_total", value = "= 1 per request" },
    { metric = "articles", at = "end", value = "= 10000" },
  },
  diagnosis = { class = "memory.fragmented", where = "importPrices" },
}
