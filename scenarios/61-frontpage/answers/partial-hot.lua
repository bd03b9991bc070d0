return { class = "cpu.hot", where = "frontPage", evidence = { "cpu" }, code = "class.other" }
