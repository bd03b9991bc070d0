return {
  title = "Thank you, your card will be printed",
  symptom = "Cards are accepted at once, and on a quiet day they are printed at once. On the day before Christmas \z
    they were accepted just as fast, but printed hours later, and in the evening the process was killed because \z
    it was too large.",
  difficulty = 3,
  minutes = 20,
  tags = { "mixed" },
  hints = {
    "Make a busy day: `diaglab load --step 62 localhost:6060`. The answers are fast and none is an error, so what \z
      customers see at the door is in order. Look at the other end, several times during the load and after it: \z
      `curl -s localhost:6060/metrics | grep -E '^(cards|last)'`, and beside it `ps -o rss= -p $(pidof diaglab)`. \z
      Which of the numbers grow with the load, which goes down afterwards, and by how much in each second?",
    "Two rates are enough to explain it: cards that come in a second, and cards that are printed in a second. As \z
      long as the first is smaller, nobody waits. Write both down, for the load above and for `diaglab load \z
      --rate 50 --seconds 5 localhost:6060/`. What is between the two has to be somewhere in the meantime: `go \z
      tool pprof -top -cum localhost:6060/debug/pprof/heap` during the load says what the memory is. How long will \z
      the last card of the load wait, and where does it lie?",
    "The printer is what it is, and so is Christmas. Look at the function that is between the door and the \z
      printer, `go tool pprof -list postcards http://localhost:6060/debug/pprof/heap`, and at the parameters in \z
      `curl localhost:6060/steps`. Then try `curl 'localhost:6060/goto?step=62&tray=20'` and the same load: look \z
      at the time of an answer, at the memory, and at the age of the last card. Who waits now, and who should say \z
      no, and when?",
  },
  load = { requests = 800, clients = 8 },
  fixed = { tray = 20 },
  expect = {
    { metric = "cards_waiting", at = "end", value = ">= 0.4 per request", about = "acceptCard" },
    { profile = "heap.inuse_space", under = "acceptCard", share = ">= 0.8", value = ">= 20kB per request" },
    { metric = "process_resident_memory_bytes", value = ">= 25kB per request", about = "acceptCard" },
    { metric = "last_card_age_seconds", during = "idle", at = "end", value = ">= 2.5 x fixed", about = "acceptCard" },
  },
  keeps = {
    { status = "2xx", share = ">= 0.99" },
    { metric = "cards_accepted_total", value = "= 1 per request" },
    { metric = "cards_printed_total", value = ">= 0.001 per request" },
  },
  diagnosis = {
    class = "memory.retained",
    where = "acceptCard",
    victims = "printCards",
    number = { 125, "", "how many cards are printed in a second?", 0.2 },
  },
}
