return { class = "cpu.hot", where = "catalogue.showPage", evidence = { "heap" } }
