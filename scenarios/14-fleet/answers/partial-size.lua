return { class = "memory.retained", where = "storePosition", evidence = { "heap" } }
