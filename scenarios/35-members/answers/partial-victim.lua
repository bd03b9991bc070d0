return { class = "wait.pool", where = "listClubs", evidence = { "goroutine" }, code = "where.victim" }
