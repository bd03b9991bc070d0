return { class = "cpu.hot", where = "storePosition", evidence = { "cpu" }, code = "class.other" }
