return { class = "wait.dependency", where = "printCards", evidence = { "wall" }, code = "where.victim" }
