return { class = "cpu.hot", where = "eatCPU", idle = true, code = "evidence.idle" }
