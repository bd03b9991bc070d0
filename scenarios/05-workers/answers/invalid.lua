return { class = "leak.task", where = "noSuchFunction", code = "where.unknown" }
