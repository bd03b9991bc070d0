return { class = "healthy", code = "answer.class" }
