return { class = "memory.churn", where = "allocateMemory", evidence = { "heap" } }
