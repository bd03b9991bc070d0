return { class = "tail.slow_path", where = "agreedPrice", evidence = { "cpu" } }
