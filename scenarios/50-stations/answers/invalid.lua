return { class = "io.slow", where = "nextLine", code = "answer.class" }
