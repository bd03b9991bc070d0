return {
  title = "Eleven kilobytes take twenty milliseconds",
  symptom = "The service reads a small file and computes an average. That takes longer than copying a file that is a \z
    thousand times as large, and the processor is busy all the time.",
  difficulty = 2,
  minutes = 20,
  tags = { "io" },
  hints = {
    "The file is small and in memory, so the disk isn't to blame: `curl -s localhost:6060/metrics | grep \z
      cpu_seconds` before and after `diaglab load --requests 40 localhost:6060/` says how much was computed, and \z
      divides it into the program's own part (user) and the kernel's (system). Compare with what `cat` needs for \z
      such a file. What could the kernel have to do for eleven kilobytes?",
    "The kernel works when it is called, and each call costs the same, however little it moves. So count them. \z
      `strace -c -f -p $(pidof diaglab)` during a few requests, ended with Ctrl-C, has a column `calls`; `curl -s \z
      localhost:6060/metrics | grep diaglab_io` counts without slowing the program down. Divide the bytes by the \z
      calls. How much does one call bring, and how much could it?",
    "Now find who calls: `go tool pprof -top 'http://localhost:6060/debug/pprof/profile?seconds=5'` under load has \z
      the call into the kernel as a leaf, and `-peek 'read$'` its callers. The function that leads there isn't \z
      wrong, as it returns the right line each time. How does it get there, letter by letter or in larger pieces, \z
      and where would the rest of a larger piece have to be kept?",
  },
  load = { requests = 40 },
  fixed = "fixed.lua",
  expect = {
    { cpu_time = true, value = ">= 3 x fixed" },
    { metric = 'diaglab_io_calls_total{call="read"}', value = ">= 9000 per request", about = "nextLine" },
    { profile = "cpu", under = "nextLine", share = ">= 0.6", value = ">= 0.5ms per request" },
    { metric = 'diaglab_io_bytes_total{call="read"}', value = "<= 30kB per request", always = true },
  },
  keeps = {
    { status = "2xx", share = ">= 0.99" },
    { metric = "lines_read_total", value = "= 1000 per request" },
  },
  diagnosis = {
    class = "io.tiny",
    where = "nextLine",
    number = { 11000, "", "how often is the file read for one request?", 0.2 },
  },
}
