return { class = "net.idle", where = "request", code = "where.entry" }
