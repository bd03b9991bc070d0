return { class = "cpu.hot", where = "copyOf", evidence = { "cpu" }, code = "where.callee" }
