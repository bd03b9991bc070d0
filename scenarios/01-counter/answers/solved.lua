return { class = "wait.lock", where = "countRequest", evidence = { "goroutine" } }
