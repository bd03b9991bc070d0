return {
  title = "Some letters, and no more",
  symptom = "After a restart the first letters are taken and printed at once. After about twenty of them no \z
    request is answered any more. The machine has nothing to do.",
  difficulty = 3,
  minutes = 20,
  tags = { "waiting" },
  hints = {
    "First find out when it begins: select the step anew and send single requests, `for i in $(seq 30); do curl \z
      -s --max-time 1 -o /dev/null -w \"$i %{http_code}\\n\" localhost:6060/; done`. Try it twice. It isn't by \z
      chance, and it doesn't need many users. Then compare what was taken with what was printed: `curl -s \z
      localhost:6060/metrics | grep ^letters`. Which number has something to do with the size of the tray?",
    "The requests wait, so look at all tasks: `curl 'localhost:6060/debug/pprof/goroutine?debug=1'` groups those \z
      with the same stack, and writes their number first. The large group are the requests that hang: they want \z
      to hand over a letter, and nobody takes it. That is what you saw already, from inside. Who should take the \z
      letters, and what does that one do instead?",
    "A channel has two ends, and a full one waits for the other end. `curl \z
      'localhost:6060/debug/pprof/goroutine?debug=2'` names the channel in each line. All tasks but one wait at \z
      \"letters\". Find the one that waits at another one, see with `go tool pprof -list letters \z
      http://localhost:6060/debug/pprof/goroutine` in which line it stands, and search the program for whoever \z
      reads what it writes there. Who is that?",
  },
  load = { requests = 60, clients = 4, timeout = 0.3 },
  fixed = "fixed.lua",
  expect = {
    { status = "none", share = ">= 0.4" },
    { profile = "goroutine", under = { "printLetters", "lab.Channel.send" }, value = ">= 1" },
    { profile = "wall", under = "printLetters", tag = { state = "chan send" }, value = ">= 0.3s per second" },
    { metric = 'diaglab_tasks{state="chan send"}', value = ">= 2", about = "printLetters" },
    { metric = "letters_taken_total", value = "< 0.6 per request" },
  },
  keeps = {
    { metric = "letters_taken_total", value = "<= 1 per request" },
    { metric = "letters_printed_total", value = ">= 0.1 per request" }, -- the first eleven, or all
  },
  diagnosis = { class = "wait.channel", where = "printLetters", victims = "queueLetter" },
}
