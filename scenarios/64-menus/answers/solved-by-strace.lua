return { class = "wait.dependency", where = "notesFor", class2 = "memory.retained", where2 = "printMenu",
  captures = { "heap", "goroutine" }, number = "25" }
