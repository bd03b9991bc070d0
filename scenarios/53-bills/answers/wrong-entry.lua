return { class = "wait.lock", where = "request", code = "where.entry" }
