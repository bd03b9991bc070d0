return { class = "leak.clock", where = "writePart", code = "answer.class" }
