return { class = "wait.dependency", where = "readPage", evidence = { "wall" }, code = "class.other" }
