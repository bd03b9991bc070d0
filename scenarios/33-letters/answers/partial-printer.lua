return { class = "wait.dependency", where = "printLetters", evidence = { "goroutine" }, code = "class.family" }
