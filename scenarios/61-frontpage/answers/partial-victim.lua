return { class = "tail.slow_path", where = "layOutPage", evidence = { "wall" }, code = "where.victim" }
