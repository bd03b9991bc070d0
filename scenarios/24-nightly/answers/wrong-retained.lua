return { class = "memory.retained", where = "closeDay", evidence = { "heap" }, code = "alloc_for_inuse" }
