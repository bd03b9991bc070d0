return { class = "wait.loop", where = "nextTrain", evidence = { "wall" }, code = "where.victim" }
