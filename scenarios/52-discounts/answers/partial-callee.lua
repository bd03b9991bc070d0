return { class = "io.log", where = "describe", evidence = { "cpu" }, code = "where.callee" }
