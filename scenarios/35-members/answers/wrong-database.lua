return { class = "wait.dependency", where = "ask", evidence = { "wall" }, code = "where.victim" }
