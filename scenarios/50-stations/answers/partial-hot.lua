return { class = "cpu.hot", where = "nextLine", evidence = { "cpu" }, code = "class.other" }
