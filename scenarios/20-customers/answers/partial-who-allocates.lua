return { class = "memory.retained", where = "buildProfile", evidence = { "heap" }, code = "where.callee" }
