return { class = "memory.faults", where = "finishPreview", captures = { "goroutine" }, number = "2000" }
