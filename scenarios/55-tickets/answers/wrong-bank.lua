return { class = "wait.dependency", where = "takePayment", evidence = { "wall" }, code = "where.victim" }
