return {
  title = "Once a second",
  symptom = "The front page of a newspaper is kept for a second, and then made anew. One reader never notices. When \z
    many read, the page is there at once for most of them, and then it stands still for all, again and again.",
  difficulty = 4,
  minutes = 25,
  tags = { "mixed" },
  hints = {
    "Read the page with one reader and with sixteen, at the same rate: `diaglab load --seconds 5 --rate 150 \z
      --clients 1 localhost:6060/`, then `--clients 16`. Compare p50, p99 and max. The median is the same, so for \z
      most requests nothing has changed. The longest ones are several times as long, although the page is the same, \z
      the rate is the same, and whatever is made for one reader would do for all. When do the slow requests \z
      happen: anywhere, or together?",
    "How often is the page made? `curl -s localhost:6060/metrics | grep ^pages` before and after five seconds of \z
      each load says it. It is good for a second, so a simple division says how often it had to be made. Then \z
      look at who is at work while it stands still: take `curl -s \z
      'localhost:6060/debug/pprof/goroutine?debug=1'` ten times during the load. Most of these are empty, and a \z
      few are not. How many tasks are in them, and what do all of these do?",
    "So all of them make the same page at the same time, on one processor, and each takes as long as all of them \z
      together. `go tool pprof -list frontpage 'http://localhost:6060/debug/pprof/wall?seconds=5'` shows the \z
      lines. Between the line that looks whether the page is too old and the one that says it is fresh again a lot \z
      of time passes. Whoever comes in that time looks, too. What does that one see, what does it do, and what \z
      should it do instead?",
  },
  load = { requests = 600, clients = 16, rate = 150, timeout = 20 },
  fixed = "fixed.lua",
  expect = {
    { latency = "mean", value = ">= 2 x fixed" },
    { metric = "pages_made_total", value = ">= 3 x fixed", about = "frontPage" },
    { metric = "pages_made_total", value = ">= 2 per second", about = "frontPage" },
    { profile = "cpu", under = { "frontPage", "layOutPage" }, value = ">= 0.5ms per request" },
    { profile = "wall", under = { "frontPage", "layOutPage" }, tag = { state = "runnable" },
      value = ">= 0.2s per second" },
  },
  keeps = {
    { status = "2xx", share = ">= 0.99" },
    { metric = "pages_shown_total", value = "= 1 per request" },
  },
  diagnosis = {
    class = "tail.slow_path",
    where = "frontPage",
    victims = "layOutPage",
    number = { 16, "", "how many tasks make the page at the same time, with sixteen clients?", 0.25 },
  },
}
