return { class = "cpu.hot", where = "describe", evidence = { "cpu" }, code = "where.callee" }
