return { class = "cpu.backtrack", where = "parseAddress", evidence = { "cpu" } }
