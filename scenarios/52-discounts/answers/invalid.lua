return { class = "io.debug", where = "discountOf", code = "answer.class" }
