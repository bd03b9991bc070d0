return { class = "leak.task", where = "request", evidence = { "goroutine" }, code = "where.entry" }
