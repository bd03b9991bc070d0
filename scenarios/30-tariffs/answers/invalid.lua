return { class = "mutex", where = "changeTariff", code = "answer.class" }
