return { class = "io.log", where = "discountOf", evidence = { "cpu" } }
