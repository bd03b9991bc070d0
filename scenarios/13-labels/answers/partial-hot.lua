return { class = "cpu.hot", where = "parseAddress", evidence = { "cpu" }, code = "class.family" }
