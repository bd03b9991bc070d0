return { class = "wait.dependency", where = "sendGiven", evidence = { "wall" }, code = "class.family" }
