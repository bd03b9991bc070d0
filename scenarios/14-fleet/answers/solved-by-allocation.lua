return { class = "gc.pressure", where = "fleet.storePosition", evidence = { "heap" } }
