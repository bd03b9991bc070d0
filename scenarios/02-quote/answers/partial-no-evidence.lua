return { class = "cpu.hot", where = "eatCPU", evidence = { "heap" }, code = "evidence.none" }
