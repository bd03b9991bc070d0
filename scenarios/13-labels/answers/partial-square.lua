return { class = "cpu.quadratic", where = "parseAddress", evidence = { "cpu" }, code = "class.family" }
