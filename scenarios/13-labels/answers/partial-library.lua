return { class = "cpu.backtrack", where = "string.match", evidence = { "cpu" }, code = "where.machinery" }
