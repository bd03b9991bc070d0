return { class = "gc.pressure", where = "finishPreview", evidence = { "cpu" }, code = "class.other" }
