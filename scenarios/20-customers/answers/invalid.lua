return { class = "memory.leak", where = "profileOf", code = "answer.class" }
