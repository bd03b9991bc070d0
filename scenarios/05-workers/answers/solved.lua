return { class = "leak.task", where = "startGoroutines", evidence = { "goroutine" } }
