return { class = "memory.retained", where = "allocateMemory", evidence = { "heap" }, code = "class.family" }
