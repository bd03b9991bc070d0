return { class = "leak.timer", where = "watchMeters", evidence = { "cpu" }, code = "class.other" }
