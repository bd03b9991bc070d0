return { class = "cpu.hot", where = "burnCPU", code = "where.unknown" }
