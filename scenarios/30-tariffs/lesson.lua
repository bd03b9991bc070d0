return {
  title = "Reading a price takes as long as changing it",
  symptom = "The price of a zone is there at once. While somebody changes prices, everybody who reads one waits, \z
    and the machine has nothing to do.",
  difficulty = 2,
  minutes = 20,
  tags = { "waiting" },
  hints = {
    "Make both at a time: in one terminal `while curl -s localhost:6060/change; do :; done`, in another one \z
      `diaglab load --requests 60 --clients 4 localhost:6060/`, and once more when the first one has ended. Then \z
      ask the question that halves the number of explanations: look at %CPU in `top -p $(pidof diaglab)` while \z
      the answers are slow. Does the process compute, or do its requests wait?",
    "So they wait, and for another task. `go tool pprof -top -cum \z
      'http://localhost:6060/debug/pprof/wall?seconds=5'` has all time that passes, and `go tool pprof -top -cum \z
      http://localhost:6060/debug/pprof/block` has those who had to wait for somebody. Both name the function \z
      that reads a price, with seconds of waiting, and its few lines do next to nothing. So the one who is named \z
      suffers, and somebody else is the reason. Which page of http://localhost:6060/debug/pprof/ has those who \z
      made others wait?",
    "`go tool pprof -top -cum http://localhost:6060/debug/pprof/mutex` has the same seconds, under the function \z
      that made others wait. Now see what it does meanwhile: while prices are changed, take `curl \z
      'localhost:6060/debug/pprof/goroutine?debug=2'`. The readers' lines have the name of a lock, the task that \z
      holds it, and since when. Go to the task with this number, and read its stack from the top: what is done \z
      there is what everybody waits for. Does it need the lock, and where would you unlock?",
  },
  load = { requests = 60, clients = 4, beside = { path = "/change" } },
  fixed = "fixed.lua",
  expect = {
    { latency = "p50", value = ">= 5 x fixed" },
    { profile = "mutex.delay", under = "changeTariff", share = ">= 0.8", value = ">= 0.3s per second" },
    { profile = "block.delay", under = "readTariff", share = ">= 0.8", value = ">= 0.3s per second" },
    { profile = "wall", under = "readTariff", tag = { state = "sync.Mutex.Lock" }, value = ">= 0.3s per second" },
  },
  keeps = {
    { status = "2xx", share = ">= 0.99" },
    { metric = "tariffs_read_total", value = "= 1 per request" },
  },
  diagnosis = {
    class = "wait.lock",
    where = "changeTariff",
    victims = "readTariff",
    number = { 40, "ms", "for how long is it kept each time?", 0.3 },
  },
}
