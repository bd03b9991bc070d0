return { class = "memory.churn", where = "describe", evidence = { "heap" }, code = "where.callee" }
