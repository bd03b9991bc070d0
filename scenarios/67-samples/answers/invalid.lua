return { class = "noise", code = "answer.class" }
