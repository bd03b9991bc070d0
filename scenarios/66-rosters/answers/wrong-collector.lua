return { class = "gc.pressure", where = "planPerson", evidence = { "cpu" }, code = "class.other" }
