return { class = "wait.convoy", where = "drawBlock", class2 = "none", evidence = { "wall", "block" }, code = "rank" }
