return {
  title = "After two hundred shops nobody can call any more",
  symptom = "Each shop has three terminals, which call, send a count and hang up. After a restart all goes well; some \z
    two hundred shops later no call gets through, and the log says that too many files are open.",
  difficulty = 2,
  minutes = 20,
  tags = { "leaks" },
  hints = {
    "The message is about files, and the program has none to speak of. Everything that has a descriptor counts. \z
      `ls /proc/$(pidof diaglab)/fd | wc -l` before and after one request says by how many they grow, and `lsof -p \z
      $(pidof diaglab) | tail` says what they are. `curl -s localhost:6060/metrics | grep _fds` has the step's own \z
      limit, which is lower than the kernel's. What are the new ones, and how many are there for each shop?",
    "A connection has two ends, and both are in this process. `ss -tanp | grep diaglab` lists them with their \z
      state. The state tells which of the two has hung up, and which one hasn't noticed or hasn't done anything \z
      about it. Count the states, `ss -tan | awk '{print $1}' | sort | uniq -c`, before and after ten requests, \z
      and compare with the table in the handbook's page on Unix tools. Is it the end that calls, or the end that \z
      is called?",
    "Now find the code that has these connections. `go tool pprof -top \z
      http://localhost:6060/debug/pprof/lab.OpenFiles` has the function which took them, and `-list terminals` \z
      instead of `-top` its lines. It reads until there is nothing more to read, which is right, and then goes to \z
      the next caller. What does the end of a conversation ask of the one who has accepted it, and what still \z
      holds the connection so that it isn't collected?",
  },
  load = { requests = 60, clients = 2 },
  fixed = "fixed.lua",
  expect = {
    { profile = "lab.OpenFiles", under = "serveTerminals", share = ">= 0.9", value = "~ 3 per request" },
    { metric = "diaglab_step_open_fds", value = "~ 3 per request", about = "serveTerminals" },
    { metric = "process_open_fds", value = "~ 3 per request", about = "serveTerminals" },
  },
  keeps = {
    { status = "2xx", share = ">= 0.99" },
    { metric = "counts_total", value = "~ 3 per request" },
  },
  diagnosis = {
    class = "leak.socket",
    where = "serveTerminals",
    victims = "sendCount",
    number = { 3, "", "how many connections does each request leave behind?" },
  },
}
