return { class = "gc.pressure", where = "fillForm", evidence = { "heap" }, code = "class.other" }
