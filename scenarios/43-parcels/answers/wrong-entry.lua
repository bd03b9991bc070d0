return { class = "leak.task", where = "request", code = "where.entry" }
