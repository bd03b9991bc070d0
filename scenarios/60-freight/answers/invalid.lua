return { class = "tail.customer", where = "agreedPrice", code = "answer.class" }
