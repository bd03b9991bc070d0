return { class = "gc.pressure", where = "request", code = "where.entry" }
