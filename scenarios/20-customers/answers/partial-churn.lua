return { class = "memory.churn", where = "profileOf", evidence = { "heap" }, code = "class.family" }
