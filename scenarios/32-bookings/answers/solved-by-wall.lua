return { class = "wait.deadlock", where = "bookRoom", evidence = { "wall" } }
