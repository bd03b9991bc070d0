return { class = "cpu.regex", where = "parseAddress", code = "answer.class" }
