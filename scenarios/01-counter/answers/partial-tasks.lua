return { class = "leak.task", where = "countRequest", evidence = { "goroutine" }, code = "class.other" }
