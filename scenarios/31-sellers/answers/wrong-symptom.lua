return { class = "cpu.hot", where = "request", evidence = { "cpu", "wall" }, code = "where.entry" }
