return { class = "cpu.square", where = "escapeText", code = "answer.class" }
