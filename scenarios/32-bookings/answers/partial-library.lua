return { class = "wait.deadlock", where = "lab.Mutex.lock", evidence = { "goroutine" }, code = "where.machinery" }
