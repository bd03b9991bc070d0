return { class = "wait.queue", where = "creditSeller", code = "answer.class" }
