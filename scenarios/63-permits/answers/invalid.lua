return { class = "wait.queue", where = "sendGiven", code = "answer.class" }
