return { class = "wait.convoy", where = "creditSeller", evidence = { "wall" } }
