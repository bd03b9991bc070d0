return { class = "wait.dependency", where = "reportChange", evidence = { "wall" }, code = "where.callee" }
