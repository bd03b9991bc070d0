return { class = "memory.churn", where = "leakMemory", evidence = { "heap" }, code = "class.family" }
