return { class = "cpu.hot", where = "estimateRest", evidence = { "goroutine" }, code = "where.victim" }
