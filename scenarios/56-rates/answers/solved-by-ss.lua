return { class = "net.idle", where = "fetchRate", captures = { "goroutine" }, number = "3" }
