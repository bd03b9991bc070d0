return { class = "memory.retained", where = "storePosition", evidence = { "heap" }, code = "alloc_for_inuse" }
