return { class = "io.sync", where = "bookLine", evidence = { "wall" } }
