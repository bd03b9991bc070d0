return { class = "io.disk", where = "bookLine", code = "answer.class" }
