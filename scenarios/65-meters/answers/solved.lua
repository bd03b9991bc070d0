return { class = "cpu.hot", where = "watchMeters", evidence = { "cpu" } }
