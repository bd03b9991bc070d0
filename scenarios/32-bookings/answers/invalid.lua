return { class = "deadlock", where = "bookRoom", code = "answer.class" }
