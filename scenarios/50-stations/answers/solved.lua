return { class = "io.tiny", where = "nextLine", evidence = { "cpu" } }
