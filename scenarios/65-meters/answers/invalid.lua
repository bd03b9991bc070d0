return { class = "cpu.busy", where = "watchMeters", code = "answer.class" }
