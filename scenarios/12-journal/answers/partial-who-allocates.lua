return { class = "cpu.quadratic", where = "readEvents", evidence = { "heap" }, code = "where.elsewhere" }
