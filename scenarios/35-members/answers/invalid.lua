return { class = "pool", where = "findMember", code = "answer.class" }
