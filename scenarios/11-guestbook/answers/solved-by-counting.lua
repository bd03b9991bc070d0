return { class = "cpu.quadratic", where = "escapeText", captures = { "cpu", "goroutine" }, evidence = { "goroutine" },
  number = "232MB" }
