return { class = "io.tiny", where = "bookLine", evidence = { "wall" }, code = "class.family" }
