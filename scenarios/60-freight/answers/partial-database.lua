return { class = "tail.slow_path", where = "findOrder", evidence = { "wall" }, code = "where.elsewhere" }
