return { class = "leak.socket", where = "serveTerminals", captures = { "goroutine" }, number = "3" }
