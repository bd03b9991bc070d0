return { class = "cpu.hot", where = "plainPlate", evidence = { "cpu" }, code = "where.callee" }
