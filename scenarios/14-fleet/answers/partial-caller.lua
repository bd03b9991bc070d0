return { class = "gc.pressure", where = "receiveMessage", evidence = { "cpu" }, code = "where.caller" }
