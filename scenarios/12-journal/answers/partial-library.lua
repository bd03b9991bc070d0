return { class = "cpu.quadratic", where = "table.insert", evidence = { "cpu" }, code = "where.machinery" }
