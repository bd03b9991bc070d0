return {
  title = "Old customers wait for their journal",
  symptom = "A new customer's journal opens at once. That of an old customer takes long, although ten lines of it are \z
    shown to both.",
  difficulty = 2,
  minutes = 15,
  tags = { "computing" },
  hints = {
    "The size of the journal is a part of the URL, so find out how the time depends on it: `curl -s -o \z
      /dev/null -w '%{time_total}\\n' 'localhost:6060/?events=2500'`, then 5000, 10000 and 20000. If the work \z
      were in proportion to the journal, each time would be twice the one before. Draw the four points, or \z
      divide each by the one before it. What does that say about the kind of work?",
    "Is the time spent in computing, or in memory that is made and thrown away? Send the load of this step, \z
      `diaglab load --step 12 --seconds 10 localhost:6060`, and take two profiles meanwhile: `go tool pprof \z
      -top 'http://localhost:6060/debug/pprof/profile?seconds=5'`, and then `go tool pprof \z
      -sample_index=alloc_space -top localhost:6060/debug/pprof/heap`. The second one names the function that \z
      makes the events. Does it also stand high in the first one?",
    "A list of the functions below `showJournal` with their time is `go tool pprof -peek 'showJournal$' \z
      'http://localhost:6060/debug/pprof/profile?seconds=5'`. One of the two functions that it calls has nearly \z
      all of it. Show its lines with `-list journal`: there is a single call of the library that does all the \z
      work. What does this call have to do with the elements that are in the list already, and how often is it \z
      called for one journal?",
  },
  load = { requests = 8 },
  fixed = "fixed.lua",
  expect = {
    { latency = "p50", value = ">= 5 x fixed" },
    { profile = "cpu", under = "newestFirst", share = ">= 0.8", value = ">= 3ms per request" },
    { memstats = "TotalAlloc", value = "<= 20MB per request", always = true }, -- it isn't memory
  },
  keeps = {
    { status = "2xx", share = ">= 0.99" },
    { metric = "events_read_total", value = "= 3000 per request" },
  },
  diagnosis = { class = "cpu.quadratic", where = "newestFirst" },
}
