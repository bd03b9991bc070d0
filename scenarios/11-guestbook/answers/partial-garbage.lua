return { class = "memory.churn", where = "escapeText", evidence = { "heap" }, code = "class.other" }
