return { class = "memory.retained", where = "layOut", class2 = "wait.dependency", where2 = "notesFor", code = "second" }
