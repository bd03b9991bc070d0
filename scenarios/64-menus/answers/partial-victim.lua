return { class = "memory.retained", where = "layOut", evidence = { "heap" }, code = "where.victim" }
