return { class = "wait.deadlock", where = "cancelRoom", evidence = { "goroutine" } }
