return { class = "leak.task", where = "queueLetter", evidence = { "goroutine" }, code = "where.victim" }
