return { class = "cpu.hot", where = "writeInvoice", evidence = { "cpu" }, code = "where.victim" }
