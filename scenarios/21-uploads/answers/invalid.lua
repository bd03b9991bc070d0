return { class = "memory.held", where = "noteUpload", code = "answer.class" }
