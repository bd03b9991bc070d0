return { class = "memory.retained", where = "acceptCard", captures = { "goroutine" }, number = "120" }
