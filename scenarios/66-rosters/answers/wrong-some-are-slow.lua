return { class = "tail.slow_path", where = "planWard", evidence = { "cpu", "wall" }, code = "class.other" }
