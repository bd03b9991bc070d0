return { class = "wait.pool", where = "readPage", evidence = { "goroutine" }, code = "class.other" }
