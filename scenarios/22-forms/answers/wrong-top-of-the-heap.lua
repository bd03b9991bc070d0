return { class = "memory.retained", where = "loadTemplate", evidence = { "heap" } }
