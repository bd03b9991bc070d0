return { class = "cpu.hot", where = "showPage", evidence = { "cpu" } }
