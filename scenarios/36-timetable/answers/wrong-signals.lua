return { class = "wait.dependency", where = "nextTrain", evidence = { "wall" }, code = "where.victim" }
