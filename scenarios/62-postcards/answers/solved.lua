return { class = "memory.retained", where = "acceptCard", evidence = { "heap" } }
