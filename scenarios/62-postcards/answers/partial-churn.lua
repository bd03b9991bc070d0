return { class = "memory.churn", where = "acceptCard", evidence = { "heap" }, code = "class.family" }
