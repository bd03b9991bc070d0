return { class = "tail.slow_path", where = "writeStatement", evidence = { "wall" }, code = "class.other" }
