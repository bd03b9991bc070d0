return { class = "memory.retained", where = "fillForm", evidence = { "heap" }, code = "alloc_for_inuse" }
