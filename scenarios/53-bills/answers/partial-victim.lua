return { class = "cpu.syscall", where = "writeInvoice", evidence = { "wall" }, code = "where.victim" }
