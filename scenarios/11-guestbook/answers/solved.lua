return { class = "cpu.quadratic", where = "escapeText", evidence = { "cpu" } }
