return { class = "wait.printer", where = "printLetters", code = "answer.class" }
