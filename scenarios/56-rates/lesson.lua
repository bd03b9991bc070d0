return {
  title = "Three rates, and four hundred connections",
  symptom = "A request asks another service for three exchange rates, by connections that can be used again. After \z
    some hundred requests the other service has hundreds of connections from here, and nobody sends anything.",
  difficulty = 3,
  minutes = 25,
  tags = { "net" },
  hints = {
    "What grows? `ls /proc/$(pidof diaglab)/fd | wc -l` before and after a request, and `lsof -a -i -p $(pidof \z
      diaglab) | tail` for what these are. Both ends of each connection are in this process here, so each one is \z
      there twice. Count how many connections a single request needs, and how many there are after it, and after \z
      ten. Does the number of requests at the same time matter?",
    "A connection that was forgotten looks different from one that is kept on purpose. `ss -tanp | grep diaglab | \z
      awk '{print $1}' | sort | uniq -c` counts their states, and `ss -tino` has for each the time since something \z
      was sent (lastsnd, in milliseconds). Compare with step 42, if you have done that. Has one end hung up, or \z
      are both of them content, and what do they wait for?",
    "Both ends keep them, to be used again. So the next question is why nobody uses them. `go tool pprof -top \z
      http://localhost:6060/debug/pprof/lab.OpenFiles` has the function by which they were opened, and `-list \z
      rates` instead of `-top` the line. Each client of HTTP has connections of its own, and shares them among \z
      its requests only. How many clients are there, how many requests does each of them ever get, and after \z
      which time would it close what it doesn't use?",
  },
  load = { requests = 50, clients = 2 },
  fixed = "fixed.lua",
  expect = {
    { profile = "lab.OpenFiles", under = "fetchRate", share = ">= 0.4", value = "~ 3 per request" },
    { metric = "diaglab_step_open_fds", value = "~ 6 per request", about = "fetchRate" },
    { metric = "process_open_fds", value = "~ 6 per request", about = "fetchRate" },
  },
  keeps = {
    { status = "2xx", share = ">= 0.99" },
    { metric = "rates_fetched_total", value = "= 3 per request" },
  },
  diagnosis = {
    class = "net.idle",
    where = "fetchRate",
    number = { 3, "", "how many connections does each request leave behind?" },
  },
}
