return { class = "wait.channel", where = "printLetters", evidence = { "goroutine" } }
