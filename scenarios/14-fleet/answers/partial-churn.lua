return { class = "memory.churn", where = "storePosition", evidence = { "heap" }, code = "class.other" }
