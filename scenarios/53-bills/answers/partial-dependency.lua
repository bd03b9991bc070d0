return { class = "wait.dependency", where = "formatDay", evidence = { "wall" }, code = "class.other" }
