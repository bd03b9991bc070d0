return { class = "wait.lock", where = "readTariff", evidence = { "block" }, code = "where.victim" }
