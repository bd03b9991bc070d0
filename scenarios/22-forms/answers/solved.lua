return { class = "memory.churn", where = "fillForm", evidence = { "heap" } }
