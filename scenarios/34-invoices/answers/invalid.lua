return { class = "wait.database", where = "loadCustomer", code = "answer.class" }
