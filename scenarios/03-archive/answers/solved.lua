return { class = "memory.retained", where = "leakMemory", evidence = { "heap" } }
