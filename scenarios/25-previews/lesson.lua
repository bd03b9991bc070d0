return {
  title = "A small process that works too hard",
  symptom = "Since the last release the process is as small after each preview as it was before. Since then each \z
    preview costs several times the processor time.",
  difficulty = 4,
  minutes = 30,
  tags = { "memory" },
  hints = {
    "The memory is as it should be, and stays so; processor time is what the ticket complains of. Where does the \z
      process spend it: in its own code, or in the kernel? `curl -s localhost:6060/metrics | grep cpu_seconds` \z
      before and after `diaglab load --requests 100 localhost:6060` divides it into user and system. A program \z
      that only copies a picture from one place to another should need the kernel for hardly anything. What \z
      share does the kernel have here?",
    "The kernel works when it is called, and in one more case: when a process touches a page of memory that it \z
      doesn't have yet. Both can be counted from outside. `ps -o min_flt= -p $(pidof diaglab)` is the number \z
      of such pages since the start; look at it before and after one request. A picture of eight megabytes has \z
      about two thousand pages of four kilobytes. Which number do you get, and does it get smaller from one \z
      request to the next?",
    "A page that the process has once is its own, until somebody gives it back. `strace -c -f -p $(pidof \z
      diaglab)` during some requests, ended with Ctrl-C, counts the calls that could do so, and `go tool pprof \z
      -top -cum 'http://localhost:6060/debug/pprof/profile?seconds=5'` under load has them in a stack of the \z
      program. The function which draws touches the pages, and it would find them there, if another one had \z
      left them. Which one is it, and what was it meant to do?",
  },
  load = { requests = 60 },
  fixed = "fixed.lua",
  expect = {
    { cpu_time = true, value = ">= 2 x fixed" },
    { metric = 'diaglab_page_faults_total{kind="minor"}', value = ">= 1000 per request", about = "finishPreview" },
    -- Which share that is depends on what a page fault costs: 0.3 or 12 microseconds.
    { profile = "cpu", under = "finishPreview", value = ">= 0.2ms per request" },
    { memstats = "NumForcedGC", value = ">= 0.9 per request", about = "finishPreview" },
    { metric = "process_resident_memory_bytes", value = "<= 20MB", always = true },
  },
  keeps = {
    { status = "2xx", share = ">= 0.99" },
    { metric = "previews_total", value = "= 1 per request" },
  },
  diagnosis = {
    class = "memory.faults",
    where = "finishPreview",
    victims = "drawPreview",
    number = { 2000, "", "how many pages does each request touch for the first time?", 0.3 },
  },
}
