return { class = "cpu.hot", where = "agreedPrice", evidence = { "cpu" } }
