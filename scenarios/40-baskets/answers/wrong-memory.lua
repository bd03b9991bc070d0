return { class = "memory.retained", where = "request", code = "where.entry" }
