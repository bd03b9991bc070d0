return { class = "well", code = "answer.class" }
