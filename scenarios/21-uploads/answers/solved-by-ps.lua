return { class = "memory.pinned", where = "noteUpload", captures = { "goroutine" }, number = "2MB" }
