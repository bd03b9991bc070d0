return { class = "wait.lock", where = "noteGiven", evidence = { "block" }, code = "where.victim" }
