return {
  title = "Turning a page takes longer with every new article",
  symptom = "A page has twenty articles, as it always had. But it takes many times as long as it used to, and the \z
    processor is busy all the time.",
  difficulty = 2,
  minutes = 20,
  tags = { "computing" },
  hints = {
    "Two kinds of clients ask this program for something: people, who turn the pages at `/`, and a search \z
      engine, which fetches `/feed` now and then. Compare how long one answer of each takes, with `curl -s -o \z
      /dev/null -w '%{time_total} %{size_download}\\n' localhost:6060/` and the same with `/feed`, and compare \z
      the sizes of the answers, too. Which of the two costs more than it should for what it gives?",
    "Let both kinds of clients work, `diaglab load --step 10 --seconds 10 localhost:6060`, and take a CPU \z
      profile meanwhile: `go tool pprof -top 'http://localhost:6060/debug/pprof/profile?seconds=5'`. One \z
      function of the program has nearly all of the time, and its work is needed: it makes the lines that \z
      people read. A function that everybody calls is rarely the cause. Who calls it, and how much of its time \z
      belongs to each caller?",
    "`go tool pprof -peek describe 'http://localhost:6060/debug/pprof/profile?seconds=5'` shows a function \z
      between those that call it and those that it calls, each with its time. The label route says the same \z
      in another way: `-tags` lists how the time is divided, and `-tagfocus=route=feed` shows one part of it \z
      alone. Now read the caller with the larger part, line by line, with `-list`. How many lines does it ask \z
      for, and how many of them does it give to the client?",
  },
  load = { requests = 60, beside = { path = "/feed", rate = 15 } },
  fixed = "fixed.lua",
  expect = {
    { latency = "p50", value = ">= 5 x fixed" },
    { profile = "cpu", under = { "showPage", "describe" }, of = "showPage", share = ">= 0.5",
      value = ">= 0.4ms per request" },
    { profile = "cpu", tag = { route = "/" }, share = ">= 0.5", value = ">= 0.4ms per request", about = "showPage" },
    { profile = "heap.alloc_space", under = "showPage", value = ">= 200kB per request" },
  },
  keeps = {
    { status = "2xx", share = ">= 0.99" },
    { metric = "pages_total", value = "= 1 per request" },
  },
  diagnosis = { class = "cpu.hot", where = "showPage" },
}
