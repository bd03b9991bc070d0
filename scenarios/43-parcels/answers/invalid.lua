return { class = "leak.process", where = "printPage", code = "answer.class" }
