return { class = "cpu.quadratic", where = "showJournal", evidence = { "cpu" }, code = "where.caller" }
