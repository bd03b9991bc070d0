return { class = "cpu.quadratic", where = "showEntry", evidence = { "cpu" }, code = "where.caller" }
