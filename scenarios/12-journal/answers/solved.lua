return { class = "cpu.quadratic", where = "newestFirst", evidence = { "cpu" } }
