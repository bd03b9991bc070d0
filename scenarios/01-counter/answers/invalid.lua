return { class = "mutex", where = "countRequest", code = "answer.class" }
