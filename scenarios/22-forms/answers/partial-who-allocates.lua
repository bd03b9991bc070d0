return { class = "memory.churn", where = "copyOf", evidence = { "heap" }, code = "where.callee" }
