return {
  title = "It works, and then it doesn't",
  symptom = "After a restart all is well, though not as fast as it was. After a while every answer is an error.",
  difficulty = 2,
  minutes = 15,
  tags = { "leaks" },
  hints = {
    "Let it fail while you watch: `diaglab load --requests 150 localhost:6060`, and read the log of the \z
      process at the first request that was not answered well. The message of an error names the call that \z
      failed and the reason that the kernel gave. Then restart nothing: select the step again with \z
      `/goto?step=6`, and see that all is well for a while. After how many requests does it begin to fail, and \z
      is it the same number each time?",
    "What fails after the same number of requests each time uses something up. Look at everything a process \z
      can only have so many of, before and after ten requests: `ls /proc/$(pidof diaglab)/fd | wc -l`, `ps -o \z
      nlwp= -p $(pidof diaglab)` for threads, `ps -o rss= -p $(pidof diaglab)` for memory. One of them grows \z
      with every request and by the same number. `lsof -p $(pidof diaglab) | tail` shows what these are. What \z
      do the names of the newest ones tell you?",
    "You know what piles up; now find who opens it. `strace -f -e trace=openat,close -p $(pidof diaglab)` \z
      shows every call while one request runs: are there as many that close as there are that open? The \z
      profile lab.OpenFiles knows the stack that opened each one that is still open: `go tool pprof -top \z
      http://localhost:6060/debug/pprof/lab.OpenFiles`, then the same with `-list receipts`. Which line \z
      opens them, what keeps the result, and where should it be closed?",
  },
  load = { requests = 40 },
  fixed = "fixed.lua",
  expect = {
    { profile = "lab.OpenFiles", under = "createFiles", share = ">= 0.95", value = "= 5 per request" },
    { metric = "process_open_fds", value = "~ 5 per request", about = "createFiles" },
    { metric = "diaglab_step_open_fds", value = "= 5 per request", about = "createFiles" },
  },
  keeps = {
    { status = "2xx", share = ">= 0.99" },
    { metric = "receipts_total", value = "= 5 per request" },
  },
  diagnosis = {
    class = "leak.file",
    where = "createFiles",
    number = { 5, "", "how many descriptors does each request leave open?" },
  },
}
