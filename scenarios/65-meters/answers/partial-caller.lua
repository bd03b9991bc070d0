return { class = "cpu.hot", where = "takeReading", evidence = { "cpu" }, code = "where.caller" }
