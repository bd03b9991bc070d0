return { class = "cpu.hot", where = "planPerson", evidence = { "cpu" }, code = "class.other" }
