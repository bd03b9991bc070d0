return { class = "wait.dependency", where = "bookLine", evidence = { "wall" }, code = "class.other" }
