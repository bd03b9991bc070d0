return { class = "cpu.hot", where = "discountOf", evidence = { "cpu" }, code = "class.other" }
