return { class = "gc.pressure", where = "storePosition", evidence = { "cpu" } }
