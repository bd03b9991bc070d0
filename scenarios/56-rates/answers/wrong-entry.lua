return { class = "wait.pool", where = "request", code = "where.entry" }
