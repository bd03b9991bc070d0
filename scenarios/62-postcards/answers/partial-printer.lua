return { class = "memory.retained", where = "printCards", evidence = { "wall" }, code = "where.victim" }
