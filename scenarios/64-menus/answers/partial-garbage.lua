return { class = "wait.dependency", where = "notesFor", class2 = "gc.pressure", where2 = "printMenu", code = "second" }
