return { class = "leak.task", where = "serveTerminals", evidence = { "goroutine" }, code = "class.family" }
