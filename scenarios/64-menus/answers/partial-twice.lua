return { class = "wait.dependency", where = "notesFor", class2 = "wait.dependency", where2 = "collectDishes",
  code = "second" }
