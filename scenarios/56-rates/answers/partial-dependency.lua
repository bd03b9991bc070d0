return { class = "wait.dependency", where = "fetchRate", evidence = { "wall" }, code = "class.other" }
