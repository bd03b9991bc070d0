return { class = "wait.dependency", where = "request", code = "where.entry" }
