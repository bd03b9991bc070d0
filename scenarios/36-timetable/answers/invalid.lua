return { class = "wait.thread", where = "readPlan", code = "answer.class" }
