return { class = "cpu.backtrack", where = "printLabel", evidence = { "cpu" }, code = "where.caller" }
