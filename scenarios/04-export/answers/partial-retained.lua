return { class = "memory.retained", where = "allocateMemory", evidence = { "heap" }, code = "alloc_for_inuse" }
