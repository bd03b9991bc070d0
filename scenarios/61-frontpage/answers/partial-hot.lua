return { class = "cpu.hot", where = "frontPage", evidence = { "cpu" } }
