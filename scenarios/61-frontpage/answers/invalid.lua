return { class = "cache.stampede", where = "frontPage", code = "answer.class" }
