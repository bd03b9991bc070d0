return { class = "wait.dependency", where = "answerPlan", evidence = { "wall" }, code = "where.victim" }
