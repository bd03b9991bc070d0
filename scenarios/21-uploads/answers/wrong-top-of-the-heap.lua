return { class = "memory.retained", where = "receiveUpload", evidence = { "heap" }, code = "where.victim" }
