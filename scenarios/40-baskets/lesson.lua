return {
  title = "Heavier since Tuesday, when the lemons ran out",
  symptom = "The shop checks baskets as fast as ever. Since Tuesday the process grows with each of them. Nothing was \z
    released on Tuesday; the lemons have been sold out since then.",
  difficulty = 2,
  minutes = 20,
  tags = { "leaks" },
  hints = {
    "Something grows, and the ticket says since when. So look for a number that goes up with each request and \z
      doesn't come down: `curl -s localhost:6060/metrics | grep -E '^(go_goroutines|diaglab_tasks|diaglab_step)'` \z
      before and after `diaglab load --requests 50 localhost:6060/`. Then do the same with a basket that has no \z
      lemons in it, `'localhost:6060/?without=lemons'`. Which number is it, and which of the two baskets makes it \z
      grow?",
    "These things are alive although every request was answered. The goroutine profile lists each with what it \z
      waits for: `curl -s 'localhost:6060/debug/pprof/goroutine?debug=2' | head -20`. It says in brackets in which \z
      state the task is and, behind it, who has created it. Compare that with http://localhost:6060/debug/pprof/ \z
      where another profile counts those of them that nobody can ever wake. Are these the same ones, and why can \z
      nobody do it?",
    "Each of them wants to hand over a result, and whoever wanted it has gone. `go tool pprof -list baskets \z
      localhost:6060/debug/pprof/goroutine` shows the source with the tasks at their lines: read how many are \z
      started there, how many results are taken, and on which way out of that function fewer are taken than \z
      were started. How many stay behind if the third of eight answers is the last that anybody wants?",
  },
  load = { requests = 100, clients = 2 },
  fixed = "fixed.lua",
  expect = {
    { profile = "goroutine", under = "checkBasket", share = ">= 0.9", value = "~ 5 per request" },
    { profile = "goroutineleak", under = "checkBasket", share = ">= 0.9", value = "~ 5 per request" },
    { metric = 'diaglab_tasks{state="chan send"}', value = "~ 5 per request", about = "checkBasket" },
    { metric = "go_goroutines", value = "~ 5 per request", about = "checkBasket" },
  },
  keeps = {
    { status = "2xx", share = ">= 0.99" },
    { metric = "baskets_checked_total", value = "= 1 per request" },
  },
  diagnosis = {
    class = "leak.task",
    where = "checkBasket",
    number = { 5, "", "how many tasks does a basket with lemons leave behind?" },
  },
}
