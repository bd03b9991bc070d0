return { class = "tail.slow_path", where = "frontPage", evidence = { "metrics" } }
