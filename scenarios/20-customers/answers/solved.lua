return { class = "memory.retained", where = "profileOf", evidence = { "heap" } }
