return { class = "memory.retained", where = "printMenu", class2 = "wait.dependency", where2 = "collectDishes",
  evidence = { "heap", "metrics" } }
