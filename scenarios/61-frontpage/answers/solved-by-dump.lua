return { class = "tail.slow_path", where = "frontpage.frontPage", captures = { "goroutine" }, number = "16" }
