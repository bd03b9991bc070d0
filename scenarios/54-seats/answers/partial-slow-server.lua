return { class = "wait.dependency", where = "askSeat", evidence = { "wall" }, code = "class.other" }
