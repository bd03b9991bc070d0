return { class = "wait.lock", where = "bookRoom", evidence = { "goroutine" }, code = "class.family" }
