return { class = "memory.copies", where = "fillForm", code = "answer.class" }
