return { class = "tail.slow_path", where = "request", code = "where.entry" }
