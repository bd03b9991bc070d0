return { class = "cpu.hot", where = "drawPreview", evidence = { "cpu" }, code = "where.victim" }
