return { class = "cpu.hot", where = "buildProfile", evidence = { "cpu" }, code = "where.callee" }
