return { class = "wait.deadlock", where = "printLetters", evidence = { "goroutine" }, code = "class.family" }
