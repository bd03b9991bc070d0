return { class = "tail.slow_path", where = "askStories", evidence = { "wall" }, code = "where.callee" }
