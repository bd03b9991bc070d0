return { class = "gc.pressure", where = "planPerson", class2 = "none", evidence = { "cpu", "heap" }, code = "rank" }
