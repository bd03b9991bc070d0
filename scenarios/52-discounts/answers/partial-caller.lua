return { class = "io.log", where = "discountOfAll", evidence = { "cpu" }, code = "where.caller" }
