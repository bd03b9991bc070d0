return { class = "wait.convoy", where = "drawBlock", evidence = { "wall" }, code = "class.other" }
