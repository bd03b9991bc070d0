return { class = "tail.slow_path", where = "freight.agreedPrice", captures = { "goroutine" }, number = "40" }
