return { class = "cpu.hot", where = "eatCPU", evidence = { "cpu" } }
