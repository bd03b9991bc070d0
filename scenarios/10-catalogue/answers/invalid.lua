return { class = "cpu", where = "showPage", code = "answer.class" }
