return { class = "cpu.quadratic", where = "showPage", evidence = { "cpu" }, code = "class.family" }
