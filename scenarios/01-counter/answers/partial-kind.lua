return { class = "wait.deadlock", where = "countRequest", evidence = { "goroutine" }, code = "class.family" }
