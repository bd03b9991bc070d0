return { class = "leak.task", where = "writePart", evidence = { "goroutine" }, code = "class.family" }
