return {
  title = "Four lines of an invoice",
  symptom = "An invoice has four lines with a date and a number. It takes ten milliseconds and more, and with some \z
    clients the whole machine is busy, but `top` shows only a part of that for this process, and its CPU profile \z
    doesn't explain it.",
  difficulty = 3,
  minutes = 25,
  tags = { "io" },
  hints = {
    "Look at the whole machine first: `top -b -n 2 -d 2 | tail -15` while `diaglab load --seconds 20 --clients 4 \z
      localhost:6060/` runs. The line `%Cpu(s)` says how busy the processors are, and how much of it is the \z
      kernel's (sy). The list below says who it is. Then take a CPU profile of the process, and compare its \z
      `Total samples` with what the machine has used. How much is missing?",
    "What computes and isn't in the list was gone before the list was made. Something short-lived leaves traces \z
      nevertheless: `vmstat 1 5` or `grep processes /proc/stat` counts all processes that were ever started on \z
      this machine; look at it before and after ten requests. `curl -s localhost:6060/metrics | grep children` \z
      knows those of this program. How many are there for one invoice?",
    "`strace -f -e trace=execve -p $(pidof diaglab)` during one request shows which program is started and with \z
      which arguments; `go tool pprof -top -cum 'http://localhost:6060/debug/pprof/wall?seconds=5'` under load has \z
      the function that waits for it. To start a process takes the kernel a millisecond: memory, files, libraries, \z
      and all of it is thrown away after one line of output. What does that program compute, and could the \z
      function do so itself?",
  },
  load = { requests = 30, clients = 2 },
  fixed = "fixed.lua",
  expect = {
    { metric = "diaglab_children_started_total", value = "= 4 per request", about = "formatDay" },
    { profile = "wall", under = "formatDay", share = ">= 0.6", value = ">= 0.5ms per request" },
  },
  keeps = {
    { status = "2xx", share = ">= 0.99" },
    { metric = "days_written_total", value = "= 4 per request" },
  },
  diagnosis = {
    class = "cpu.syscall",
    where = "formatDay",
    victims = "writeInvoice",
    number = { "items", "", "how many processes does one invoice need?" },
  },
}
