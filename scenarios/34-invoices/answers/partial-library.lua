return { class = "wait.dependency", where = "query", evidence = { "wall" }, code = "where.victim" }
