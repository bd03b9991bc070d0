return { class = "leak.timer", where = "writePart", evidence = { "goroutine" } }
