return { class = "memory.retained", where = "drawCard", evidence = { "heap" }, code = "where.callee" }
