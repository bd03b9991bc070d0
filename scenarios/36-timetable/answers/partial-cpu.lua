return { class = "cpu.hot", where = "readPlan", evidence = { "cpu", "wall" } }
