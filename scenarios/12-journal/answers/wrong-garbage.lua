return { class = "memory.churn", where = "readEvents", evidence = { "heap" }, code = "where.elsewhere" }
