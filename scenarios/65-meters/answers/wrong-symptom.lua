return { class = "leak.timer", where = "request", code = "where.entry" }
