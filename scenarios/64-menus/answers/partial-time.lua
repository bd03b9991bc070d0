return { class = "wait.dependency", where = "collectDishes", evidence = { "wall" }, code = "second" }
