return { class = "io.tiny", where = "readPlan", evidence = { "wall" }, code = "class.other" }
