return { class = "io.tiny", where = "averageOf", evidence = { "cpu" }, code = "where.caller" }
