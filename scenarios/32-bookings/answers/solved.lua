return { class = "wait.deadlock", where = "bookRoom", evidence = { "goroutine" } }
