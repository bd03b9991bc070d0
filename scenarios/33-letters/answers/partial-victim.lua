return { class = "wait.channel", where = "queueLetter", evidence = { "goroutine" }, code = "where.victim" }
