return { class = "memory.retained", where = "postcards.acceptCard", evidence = { "metrics" } }
