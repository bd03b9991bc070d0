return { class = "cpu.quadratic", where = "insertFront", code = "where.unknown" }
