return { class = "memory.pinned", where = "receiveUpload", evidence = { "heap" }, code = "where.victim" }
