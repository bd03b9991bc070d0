return { class = "cpu.hot", where = "isSearched", evidence = { "cpu" }, code = "second" }
