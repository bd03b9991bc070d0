return { class = "wait.dependency", where = "askStore", evidence = { "wall" }, code = "where.callee" }
