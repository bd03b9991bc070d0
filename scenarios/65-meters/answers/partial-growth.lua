return { class = "cpu.quadratic", where = "watchMeters", evidence = { "cpu" }, code = "class.family" }
