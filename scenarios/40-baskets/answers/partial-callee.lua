return { class = "leak.task", where = "lookUp", evidence = { "goroutine" }, code = "where.callee" }
