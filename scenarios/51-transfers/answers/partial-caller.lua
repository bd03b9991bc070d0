return { class = "io.sync", where = "bookAll", evidence = { "wall" }, code = "where.caller" }
