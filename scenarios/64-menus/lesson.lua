return {
  title = "Menus take long, and the process grows",
  symptom = "A menu takes more than a tenth of a second, and the process is larger with each one. The people who run \z
    it say that it is slow because it is large, and start it anew each night. In the morning it is just as slow.",
  difficulty = 4,
  minutes = 35,
  tags = { "mixed" },
  hints = {
    "Two things are seen, and the ticket makes one the reason of the other. Check that before you believe it. \z
      Enter the step anew, `curl 'localhost:6060/goto?step=64'`, and measure one menu, `curl -s -o /dev/null -w \z
      '%{time_total}\\n' localhost:6060/`; then two hundred, `diaglab load --requests 200 --clients 4 \z
      localhost:6060/`, and one more. Note `ps -o rss= -p $(pidof diaglab)` each time. Does the time grow with \z
      the size?",
    "If one doesn't depend on the other there are two reasons, and each has a tool of its own. The size: `go tool \z
      pprof -top -cum 'http://localhost:6060/debug/pprof/heap?gc=1'`, before and after a hundred menus. The time: \z
      is it computed? `top` says no, so `go tool pprof -top -cum \z
      'http://localhost:6060/debug/pprof/wall?seconds=5'` under load. Which functions of the program does each of \z
      the two have, and which are in both?",
    "For the time, count: `curl -s localhost:6060/metrics | grep -E '^(lookups|menus)'`, and divide. For the size, \z
      read who keeps what was made: `go tool pprof -list menus 'http://localhost:6060/debug/pprof/heap?gc=1'`. It \z
      does throw something away. Follow its list on paper, with seven menus: which number is at its front, which \z
      one is taken out? Then say both: `class=... where=... class2=... where2=...`. Which of the two would still \z
      be there after either repair?",
  },
  load = { requests = 60, clients = 4 },
  fixed = "fixed.lua",
  expect = {
    { latency = "p50", value = ">= 2 x fixed" },
    { metric = "lookups_total", value = "= 25 per request", about = { "notesFor", "collectDishes" } },
    { profile = "wall", under = { "collectDishes", "notesFor" }, tag = { state = "IO wait" },
      value = ">= 50ms per request" },
    { profile = "heap.inuse_space", under = "printMenu", share = ">= 0.8", value = ">= 80kB per request" },
    { profile = "heap.inuse_objects", under = "printMenu", value = ">= 0.5 per request" },
  },
  keeps = {
    { status = "2xx", share = ">= 0.99" },
    { metric = "menus_total", value = "= 1 per request" },
    { metric = "menus_ready_total", value = ">= 4.5 per request" }, -- five can be printed once more
  },
  diagnosis = {
    class = "wait.dependency",
    where = { "notesFor", "collectDishes" },
    number = { 25, "", "how often is the register asked for one menu?", 0.05 },
    also = {
      class = "memory.retained",
      where = "printMenu",
      victims = "layOut",
    },
  },
}
