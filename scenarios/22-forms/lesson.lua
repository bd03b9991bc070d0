return {
  title = "Five words, and a long wait",
  symptom = "Five short words are written into a form. That takes much longer than to copy the form would, and the \z
    process has become many times as large as the form.",
  difficulty = 3,
  minutes = 20,
  tags = { "memory" },
  hints = {
    "There are two complaints: the answer is late, and the process is large. See whether it goes on growing: \z
      `ps -o rss= -p $(pidof diaglab)` now, after ten requests, and after a hundred, `diaglab load --requests \z
      100 localhost:6060`. A process that has grown to some size and stays there may work with that memory \z
      again and again. What would you have to measure in order to see memory that is only used for a moment?",
    "A heap profile has four numbers, and two of them answer the two questions: `go tool pprof -top \z
      'http://localhost:6060/debug/pprof/heap?gc=1'` says what is in use now, and the same with \z
      `-sample_index=alloc_space` what was allocated since the step was entered. Divide the second one by the \z
      number of requests. A form has four megabytes: how many forms does one request allocate, and how many of \z
      them does it need?",
    "`go tool pprof -sample_index=alloc_space -peek 'copyOf$' http://localhost:6060/debug/pprof/heap` shows who \z
      asks for the copies, and `-sample_index=alloc_space -list forms` in which lines the memory is taken. \z
      There are two of them: a string with the whole form, and a buffer into which it is written. Count how \z
      often each is passed in one request. What is the copy for, and after which of the five words is it needed \z
      no more?",
  },
  load = { requests = 15 },
  fixed = "fixed.lua",
  expect = {
    { cpu_time = true, value = ">= 2 x fixed", -- when the memory is there: page faults cost both the same
      load = { requests = 60, first = { requests = 20 } } },
    { profile = "heap.alloc_space", under = "fillForm", share = ">= 0.9", value = ">= 20MB per request" },
    { memstats = "TotalAlloc", value = ">= 20MB per request", about = "fillForm" },
    { profile = "heap.inuse_space", under = "fillForm", value = "<= 10MB", always = true }, -- nothing is kept
  },
  keeps = {
    { status = "2xx", share = ">= 0.99" },
    { metric = "forms_filled_total", value = "= 1 per request" },
    { memstats = "TotalAlloc", value = ">= 4MB per request" }, -- the template stays as it is: there is a copy
  },
  diagnosis = {
    class = "memory.churn",
    where = "fillForm",
    number = { 40, "MB", "how much memory does one request allocate?" },
  },
}
