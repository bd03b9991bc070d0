return { class = "gc", where = "storePosition", code = "answer.class" }
