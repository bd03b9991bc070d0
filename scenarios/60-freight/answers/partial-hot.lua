return { class = "cpu.hot", where = "agreedPrice", evidence = { "cpu" }, code = "class.other" }
