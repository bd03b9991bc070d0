return { class = "leak.timer", where = "startGoroutines", evidence = { "goroutine" }, code = "class.family" }
