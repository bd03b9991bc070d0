return { class = "leak.socket", where = "sendCount", evidence = { "lab.OpenFiles" }, code = "where.victim" }
