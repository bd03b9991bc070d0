return { class = "queue.unbounded", where = "acceptCard", code = "answer.class" }
