return { class = "wait.pool", where = "ask", evidence = { "goroutine" }, code = "where.victim" }
