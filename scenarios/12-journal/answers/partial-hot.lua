return { class = "cpu.hot", where = "newestFirst", evidence = { "cpu" }, code = "class.family" }
