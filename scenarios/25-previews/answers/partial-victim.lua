return { class = "memory.faults", where = "drawPreview", evidence = { "metrics" }, code = "where.victim" }
