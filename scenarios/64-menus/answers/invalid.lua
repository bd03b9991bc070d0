return { class = "memory.growth", where = "printMenu", code = "answer.class" }
