return { class = "memory.retained", where = "profileOf", captures = { "goroutine" }, number = "100kB" }
