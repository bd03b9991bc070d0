return { class = "memory.retained", where = "printMenu", evidence = { "heap" }, code = "second" }
