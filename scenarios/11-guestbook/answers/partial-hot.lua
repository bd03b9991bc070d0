return { class = "cpu.hot", where = "escapeText", evidence = { "cpu" }, code = "class.family" }
