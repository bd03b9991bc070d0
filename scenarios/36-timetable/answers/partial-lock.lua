return { class = "wait.lock", where = "readPlan", evidence = { "wall" }, code = "class.family" }
