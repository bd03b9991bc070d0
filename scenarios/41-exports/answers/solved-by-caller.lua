return { class = "leak.timer", where = "exportRows", evidence = { "goroutine" } }
