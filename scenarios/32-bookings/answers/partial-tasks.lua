return { class = "leak.task", where = "bookRoom", evidence = { "goroutine" }, code = "class.other" }
