return { class = "cpu.hot", where = "readTariff", evidence = { "cpu" }, code = "where.victim" }
