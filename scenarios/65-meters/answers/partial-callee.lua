return { class = "cpu.hot", where = "countSilent", evidence = { "cpu" }, code = "where.callee" }
