return { class = "wait.pool", where = "drawSample", evidence = { "goroutine", "wall" }, code = "class.other" }
