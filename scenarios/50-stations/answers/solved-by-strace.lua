return { class = "io.tiny", where = "nextLine", captures = { "cpu" }, evidence = { "cpu" }, number = "11000" }
