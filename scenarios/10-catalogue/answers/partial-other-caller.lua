return { class = "cpu.hot", where = "writeFeed", evidence = { "cpu" }, code = "where.elsewhere" }
