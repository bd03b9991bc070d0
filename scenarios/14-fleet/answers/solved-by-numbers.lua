return { class = "gc.pressure", where = "storePosition", evidence = { "metrics" } }
