return { class = "cpu.hot", where = "countRequest", evidence = { "goroutine" }, code = "cpu_for_wall" }
