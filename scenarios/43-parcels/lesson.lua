return {
  title = "No more processes for anybody",
  symptom = "Since parcels are printed on the spot, the machine's administrator complains: hundreds of processes \z
    that do nothing, all of this service. In the evening no parcel can be sent at all.",
  difficulty = 1,
  minutes = 15,
  tags = { "leaks" },
  hints = {
    "The complaint is about processes, so list them: `ps --ppid $(pidof diaglab) -o pid,stat,etime,rss,comm` shows \z
      the children of the program. Send one parcel, `curl localhost:6060/`, and list them again. Look at the letter \z
      in the column STAT, and at how much memory they have. By how many do they grow, and what does that letter \z
      say about them?",
    "They have ended, and they are still in the list. The kernel keeps the exit code of a process until its parent \z
      has asked for it; until then its number is taken, and nothing else of it is left. Killing one of them has \z
      no effect: try `kill -9` on one. `curl -s localhost:6060/metrics | grep children` counts the same from \z
      within. So whose task would it be to ask, and what does it have to do with the printer?",
    "Find the code that starts them: `strace -f -e trace=execve,wait4,waitid -p $(pidof diaglab)` during one \z
      request shows which program is started, and whether anybody waits for it. `go tool pprof -top -cum \z
      'http://localhost:6060/debug/pprof/wall?seconds=5'` under load has the function that starts it. It returns \z
      at once, which is right, as nobody should wait for paper. What does it have to leave behind so that \z
      somebody asks for the exit code later?",
  },
  load = { requests = 40, clients = 2 },
  fixed = "fixed.lua",
  expect = {
    { metric = 'diaglab_children{state="zombie"}', at = "end", value = ">= 1.5 per request", about = "printPage" },
    { metric = 'diaglab_children{state="running"}', at = "end", value = "<= 1 per request", always = true },
  },
  keeps = {
    { status = "2xx", share = ">= 0.99" },
    { metric = "pages_printed_total", value = "= 2 per request" },
  },
  diagnosis = {
    class = "leak.child",
    where = "printPage",
    number = { 2, "", "how many processes does each parcel leave behind?" },
  },
}
