return { class = "tail.slow_path", where = "parseAddress", evidence = { "cpu" }, code = "class.other" }
