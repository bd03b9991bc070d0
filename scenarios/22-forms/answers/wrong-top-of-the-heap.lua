return { class = "memory.retained", where = "loadTemplate", evidence = { "heap" }, code = "where.elsewhere" }
