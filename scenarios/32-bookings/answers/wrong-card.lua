return { class = "wait.dependency", where = "writeCard", evidence = { "wall" }, code = "where.elsewhere" }
