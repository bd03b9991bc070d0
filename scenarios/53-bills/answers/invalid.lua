return { class = "cpu.process", where = "formatDay", code = "answer.class" }
