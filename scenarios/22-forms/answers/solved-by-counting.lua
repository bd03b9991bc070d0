return { class = "memory.churn", where = "fillForm", captures = { "goroutine" }, number = "40MB" }
