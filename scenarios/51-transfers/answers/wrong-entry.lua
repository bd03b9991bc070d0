return { class = "cpu.hot", where = "request", code = "where.entry" }
