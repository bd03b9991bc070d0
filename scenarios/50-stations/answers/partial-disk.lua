return { class = "io.sync", where = "nextLine", evidence = { "cpu" }, code = "class.family" }
