return { class = "leak.timer", where = "estimateRest", evidence = { "goroutine" }, code = "where.victim" }
