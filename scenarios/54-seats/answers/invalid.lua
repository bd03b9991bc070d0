return { class = "net.delay", where = "askSeat", code = "answer.class" }
