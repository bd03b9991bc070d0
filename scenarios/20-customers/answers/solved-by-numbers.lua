return { class = "memory.retained", where = "customers.profileOf", evidence = { "metrics" } }
