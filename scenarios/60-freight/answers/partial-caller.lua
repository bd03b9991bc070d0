return { class = "tail.slow_path", where = "freightOf", evidence = { "cpu" }, code = "where.caller" }
