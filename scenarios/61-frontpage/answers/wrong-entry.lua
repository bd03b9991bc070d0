return { class = "wait.loop", where = "request", code = "where.entry" }
