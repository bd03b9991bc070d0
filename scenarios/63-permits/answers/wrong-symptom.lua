return { class = "io.log", where = "request", code = "where.entry" }
